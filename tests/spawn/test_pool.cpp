// What can be submitted to a pool, and what comes back.
#include <farm/farm.hpp>

#include <cereal/types/memory.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/plain_comm.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <atomic>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

std::tuple<int, int, int> where(int i, farm::Comm const& comm) { return {i, comm.size(), comm.rank()}; }
int square(int i) { return i * i; }
int rank_in(PlainComm comm) {
  int rank = -1;
  MPI_Comm_rank(comm, &rank);
  return rank;
}
int sum_of_ranks(farm::Comm const& comm) {
  int const mine = comm.rank() + 1;
  int sum = 0;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}
int world_size() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}
int pid() { return getpid(); }

struct Scale {
  std::vector<double> factors;
  double operator()(double x) const { return std::accumulate(factors.begin(), factors.end(), x); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(factors);
  }
};

void throw_nested() {
  try {
    throw std::out_of_range("no row 7");
  } catch (...) {
    std::throw_with_nested(std::runtime_error("no solution"));
  }
}

struct NullWhat : std::exception {
  [[nodiscard]] char const* what() const noexcept override { return nullptr; }
};

struct Unpackable {
  template <class Archive>
  void save(Archive& /*archive*/) const {
    throw NullWhat{};
  }
  template <class Archive>
  void load(Archive& /*archive*/) {}
};

struct Unreadable {
  template <class Archive>
  void save(Archive& archive) const {
    archive(1);
  }
  template <class Archive>
  void load(Archive& /*archive*/) {
    throw NullWhat{};
  }
};

struct Point {
  double x = 0;
  std::string name;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(x, name);
  }
  friend bool operator==(Point const&, Point const&) = default;
};

}  // namespace

TEST_CASE("a function runs on every rank of its group, and the result of rank 0 comes back") {
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  std::vector<std::tuple<int, int, int>> const expected{{1, 2, 0}, {2, 2, 0}, {3, 2, 0}, {4, 2, 0}};
  CHECK(pool.map(where, std::vector{1, 2, 3, 4}) == expected);
}

TEST_CASE("all kinds of functions, arguments and results can be sent") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};

  SECTION("functions, lambdas with captures, generic lambdas, function objects") {
    CHECK(pool.submit(square, 7).result() == 49);
    CHECK(pool.submit([](int a, double b) { return a * b; }, 2, 1.5).result() == 3.0);
    int const k = pool.max_ranks() + 3;
    CHECK(pool.submit([k](int a) { return a + k; }, 2).result() == 7);
    CHECK(pool.submit([](auto a, auto const& comm) { return a + comm.size(); }, 40).result() == 42);
    CHECK(pool.submit(Scale{{1, 2, 3}}, 1).result() == 7.0);
    CHECK(pool.submit(rank_in).result() == 0);
    CHECK(pool.submit(sum_of_ranks).result() == 3);
    CHECK(pool.submit(
                  [](farm::TaskContext& context, int a) {
                    return std::tuple{context.ranks(), context.attempt(), a};
                  },
                  9)
              .result() == std::tuple{2, 1U, 9});
  }
  SECTION("values of any type that cereal knows, and move-only ones") {
    CHECK(
        pool.submit([](std::string const& a, std::string_view b) { return a + std::string(b); }, "ab", "cd").result() ==
        "abcd");
    CHECK(pool.submit([](std::span<double const> a) { return std::accumulate(a.begin(), a.end(), 0.0); },
                      std::vector{1.0, 2.0})
              .result() == 3);
    auto const map = std::map<std::string, std::vector<int>>{{"a", {1, 2}}, {"b", {}}};
    CHECK(pool.submit([](std::map<std::string, std::vector<int>> m) { return m; }, map).result() == map);
    CHECK(pool.submit([](std::complex<double> z) { return z * z; }, std::complex<double>{0, 1}).result() ==
          std::complex<double>{-1, 0});
    CHECK(pool.submit([](Point p) { return p; }, Point{1.5, "x"}).result() == Point{1.5, "x"});
    auto future =
        pool.submit([](std::unique_ptr<int> p) { return std::make_unique<int>(*p + 1); }, std::make_unique<int>(3));
    CHECK(*future.result() == 4);
    CHECK(*future.result() == 4);
    CHECK_FALSE(pool.submit([](int) { return std::optional<int>{}; }, 1).result());
  }
  SECTION("void functions, also in a map") {
    pool.submit([] {}).result();
    pool.map([](int) {}, std::vector{1, 2, 3});
  }
  SECTION("large arguments and results") {
    std::vector<double> big(4'000'000);
    std::iota(big.begin(), big.end(), 0.0);
    auto const back = pool.submit([](std::vector<double> v) { return v; }, big).result();
    CHECK(back == big);
  }
}

TEST_CASE("a function that captures an address is refused by everything that takes functions") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const number = std::make_unique<int>(5);
  auto const add = [&value = *number](int i) { return i + value; };
  auto const refused = [](auto const& use) { CHECK_THROWS_WITH(use(), contains("captures an address")); };
  refused([&] { pool.submit(add, 1); });
  refused([&] { pool.submit(farm::all_ranks, add, 1); });
  auto const one = pool.submit(square, 1);
  refused([&] { pool.submit(add, one); });  // at once, though its argument may come later
  refused([&] { pool.map(add, std::vector{1, 2}); });
  refused([&] { static_cast<void>(farm::initializer(add, 1)); });
  CHECK(pool.submit([value = *number](int i) { return i + value; }, one).result() == 6);
  CHECK(pool.statistics().groups_lost == 0);
}

TEST_CASE("with all_ranks, the results of all ranks come back in rank order") {
  farm::MPISpawnPool pool{{.max_ranks = 3, .ranks_per_task = 3}};
  auto const results = pool.submit(farm::all_ranks, where, 8).result();
  CHECK(results == std::vector<std::tuple<int, int, int>>{{8, 3, 0}, {8, 3, 1}, {8, 3, 2}});
}

TEST_CASE("the communicator is also valid with one rank per task") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  CHECK(pool.submit(where, 1).result() == std::tuple{1, 1, 0});
  CHECK(pool.submit(sum_of_ranks).result() == 1);
}

TEST_CASE("a spawned group has an MPI_COMM_WORLD of its own", "[spawned]") {
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  CHECK(pool.submit(world_size).result() == 2);
  auto const sums = pool.submit(
                            farm::all_ranks,
                            [](int) {
                              int rank = 0;
                              int other = -1;
                              MPI_Comm_rank(MPI_COMM_WORLD, &rank);
                              MPI_Sendrecv(&rank, 1, MPI_INT, 1 - rank, 0, &other, 1, MPI_INT, 1 - rank, 0,
                                           MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                              return other;
                            },
                            0)
                        .result();
  CHECK(sums == std::vector{1, 0});
}

TEST_CASE("map zips its ranges up to the shortest, starmap takes tuples, and empty inputs give empty results") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  auto const add = [](int a, int b) { return a + b; };
  CHECK(pool.map(add, std::vector{1, 2, 3}, std::vector{10, 20}) == std::vector{11, 22});
  CHECK(pool.starmap(add, std::vector<std::tuple<int, int>>{{1, 2}, {3, 4}}) == std::vector{3, 7});
  CHECK(pool.starmap(add, std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}) == std::vector{3, 7});
  CHECK(pool.map(square, std::vector<int>{}).empty());
  CHECK(pool.map(square, std::vector{1, 2, 3, 4, 5}, farm::MapOptions{.chunksize = 2}) == std::vector{1, 4, 9, 16, 25});
  CHECK_THROWS_AS(pool.map(square, std::vector{1}, farm::MapOptions{.chunksize = 0}), std::invalid_argument);
}

TEST_CASE("a map reports its progress") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  std::vector<std::size_t> done;
  pool.map(square, std::vector{1, 2, 3}, farm::MapOptions{.progress = [&](farm::Progress const& p) {
             CHECK(p.total == 3);
             done.push_back(p.done);
           }});
  CHECK(done == std::vector<std::size_t>{0, 1, 2, 3});
}

TEST_CASE("five tasks of two ranks on four ranks: no group waits for another") {
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  pool.bootup();
  // The first task waits until all other tasks, which the other group runs, are done. It would wait for ever if the
  // groups ran in lock-step.
  auto const directory = std::filesystem::temp_directory_path() / fmt::format("farm-test-{}", getpid());
  std::filesystem::create_directory(directory);
  auto const first = pool.submit(
      [](std::string const& path) {
        while (std::distance(std::filesystem::directory_iterator{path}, {}) < 4) std::this_thread::yield();
        return getpid();
      },
      directory.string());
  std::vector<farm::Future<int>> others;
  for (int i = 0; i < 4; ++i) {
    others.push_back(pool.submit(
        [](int n, std::string const& path, farm::Comm const& comm) {
          if (comm.rank() == 0) std::ofstream{path + "/" + std::to_string(n)};
          return static_cast<int>(getpid());
        },
        i, directory.string()));
  }
  auto const group = first.result();
  for (auto const& other : others) CHECK(other.result() != group);
  std::filesystem::remove_all(directory);
}

TEST_CASE("a million tasks work") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  std::vector<int> inputs(1'000'000);
  std::iota(inputs.begin(), inputs.end(), 0);
  auto const results = pool.map([](int i) { return i + 1; }, inputs);
  REQUIRE(results.size() == inputs.size());
  bool right = true;
  for (std::size_t i = 0; i < inputs.size(); ++i) right = right && results[i] == inputs[i] + 1;
  CHECK(right);
}

TEST_CASE("groups are reused, and replaced after tasks_per_group tasks", "[spawned]") {
  auto const groups_of = [](std::int64_t tasks_per_group) {
    farm::MPISpawnPool pool{{.max_ranks = 1, .tasks_per_group = tasks_per_group}};
    auto const pids = pool.map([](int) { return pid(); }, std::vector{1, 2, 3, 4});
    return std::set<int>(pids.begin(), pids.end()).size();
  };
  CHECK(groups_of(0) == 1);
  CHECK(groups_of(1) == 4);
  CHECK(groups_of(2) == 2);
}

TEST_CASE("several pools work at once and one after the other, and idle ranks of one make room for another") {
  farm::MPISpawnPool a{{.max_ranks = 4, .ranks_per_task = 2}};  // all slots
  CHECK(a.submit(sum_of_ranks).result() == 3);
  {
    farm::MPISpawnPool b{{.max_ranks = 4, .ranks_per_task = 4}};
    CHECK(b.submit(sum_of_ranks).result() == 10);
    CHECK(a.submit(sum_of_ranks).result() == 3);
    CHECK(b.submit(sum_of_ranks).result() == 10);
  }
  CHECK(a.map([](int, farm::Comm const& comm) { return sum_of_ranks(comm); }, std::vector{1, 2}) == std::vector{3, 3});
}

TEST_CASE("threads can share a pool") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 5; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) right += pool.submit(square, t * i).result() == t * i * t * i;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 250);
}

TEST_CASE("tasks of other sizes run in the same pool") {
  farm::MPISpawnPool pool{{.max_ranks = 4}};
  auto const one = pool.submit(sum_of_ranks);
  auto const four = pool.submit(farm::TaskOptions{.ranks = 4}, sum_of_ranks);
  auto const two = pool.submit(farm::TaskOptions{.ranks = 2}, sum_of_ranks);
  CHECK(one.result() == 1);
  CHECK(four.result() == 10);
  CHECK(two.result() == 3);
}

TEST_CASE("options out of range are refused, each with one line that says what is wrong") {
  using Options = farm::MPISpawnPool::Options;
  auto const message = [](Options const& options) -> std::string {
    try {
      farm::MPISpawnPool const pool{options};
    } catch (farm::Error const& e) {
      CHECK(std::string(e.what()).find('\n') == std::string::npos);
      return e.what();
    }
    return "";
  };
  CHECK_THAT(message({.max_ranks = -1}), contains("max_ranks is -1"));
  CHECK_THAT(message({.max_ranks = 2, .ranks_per_task = 0}), contains("ranks_per_task is 0"));
  CHECK_THAT(message({.max_ranks = 2, .ranks_per_task = 3}),
             contains("ranks_per_task is 3, which is more than max_ranks, 2"));
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  CHECK_THROWS_AS(pool.submit(farm::TaskOptions{.ranks = 3}, square, 1), std::invalid_argument);
  CHECK_THROWS_AS(pool.submit(farm::TaskOptions{.ranks = -1}, square, 1), std::invalid_argument);
  CHECK_THROWS_AS(pool.submit(farm::TaskOptions{.timeout = std::chrono::seconds{0}}, square, 1), std::invalid_argument);
}

TEST_CASE("shutdown runs or cancels the queued tasks, and no task is accepted afterwards") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const a = pool.submit(square, 2);
  pool.shutdown();
  pool.shutdown();
  CHECK(a.result() == 4);
  CHECK_THROWS_AS(pool.submit(square, 1), farm::ShutdownError);

  farm::MPISpawnPool other{{.max_ranks = 1}};
  std::vector<farm::Future<int>> futures;
  for (int i = 0; i < 1000; ++i) {
    futures.push_back(other.submit(
        [](int n) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          return n;
        },
        i));
  }
  CHECK(futures.front().result() == 0);
  other.shutdown(true, true);
  CHECK(futures.back().cancelled());
  CHECK_THROWS_AS(futures.back().result(), farm::CancelledError);
}

TEST_CASE("tasks are numbered and run in the order of submission, those that wait for other tasks too") {
  using Seen = std::pair<std::uint64_t, std::int64_t>;  // the task's number, and how many tasks ran on its rank before
  auto const seen = [](farm::TaskContext const& context) {
    static std::int64_t ran = 0;
    usleep(1000);
    return Seen{context.task(), ran++};
  };
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const first = pool.submit([seen](farm::TaskContext const& context) { return seen(context); });
  std::vector<farm::Future<Seen>> dependents;
  std::vector<farm::Future<Seen>> others;
  for (int i = 0; i < 50; ++i) {
    dependents.push_back(
        pool.submit([seen](Seen const&, farm::TaskContext const& context) { return seen(context); }, first));
    others.push_back(pool.submit([seen](farm::TaskContext const& context) { return seen(context); }));
  }
  CHECK(first.result().first == 0);
  for (std::size_t i = 0; i < dependents.size(); ++i) {
    CHECK(dependents[i].result().first == 1 + 2 * i);
    CHECK(others[i].result().first == 2 + 2 * i);
  }
  auto const fails = [](Seen const&) -> int { throw std::runtime_error("on purpose"); };
  auto const failed = pool.submit(fails, first);
  CHECK_THROWS_WITH(failed.result(), contains("task 101, "));
  // The first tasks without a dependence may have been on their way to the rank already.
  for (std::size_t i = 3; i < dependents.size(); ++i) {
    CHECK(dependents[i].result().second < others[i].result().second);
    CHECK(dependents[i - 1].result().second < dependents[i].result().second);
  }
}

TEST_CASE("the longest times never pass") {
  auto const longest = std::chrono::nanoseconds::max();
  auto const nap = [](int milliseconds) {
    usleep(1000U * static_cast<unsigned>(milliseconds));
    return milliseconds;
  };
  farm::MPISpawnPool pool{{.max_ranks = 1, .grace = longest, .spawn_timeout = longest}};
  CHECK(pool.submit(farm::TaskOptions{.timeout = longest}, nap, 50).result(longest) == 50);
  CHECK(pool.map(nap, std::vector{20, 30}, farm::MapOptions{.timeout = longest}) == std::vector{20, 30});
  CHECK(pool.map(nap, std::vector{2, 3}, farm::MapOptions{.chunksize = INT64_MAX, .buffersize = INT64_MAX}) ==
        std::vector{2, 3});
  CHECK(pool.submit(nap, 20).result(std::chrono::hours::max()) == 20);
  auto const future = pool.submit(nap, 20);
  CHECK_THROWS_AS(future.result(std::chrono::duration<double>{std::nan("")}), farm::UsageError);
  CHECK(farm::wait(std::vector{future}, farm::ReturnWhen::all_completed, longest).not_done.empty());
}

TEST_CASE("exceptions of any kind come back with their texts, and those nested in them") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const null_what = [](int) -> int { throw NullWhat{}; };
  CHECK_THROWS_WITH(pool.submit(null_what, 1).result(), contains("NullWhat: its what() is null"));
  CHECK_THROWS_WITH(pool.map(null_what, std::vector{1}), contains("(input 0)") && contains("what() is null"));
  CHECK_THROWS_WITH(pool.submit([] { throw 42; }).result(), contains(": int: 42"));
  CHECK_THROWS_WITH(pool.submit([](Unpackable const&) {}, Unpackable{}).result(), contains("NullWhat"));
  CHECK_THROWS_WITH(pool.submit([] { return Unreadable{}; }).result(), contains("NullWhat"));
  try {
    pool.submit(throw_nested).result();
    FAIL("nothing was thrown");
  } catch (std::runtime_error const& error) {
    CHECK_THAT(error.what(), contains("no solution; caused by std::out_of_range: no row 7"));
    CHECK_THROWS_AS(std::rethrow_if_nested(error), std::out_of_range);
  }
  CHECK(pool.submit(square, 3).result() == 9);
  CHECK(pool.statistics().groups_lost == 0);
}

TEST_CASE("the error of an initializer tells what is nested in it", "[spawned]") {
  farm::MPIPoolExecutor executor{{.max_workers = 1, .initializer = farm::initializer(throw_nested)}};
  CHECK_THROWS_WITH(executor.submit(square, 1).result(),
                    contains("no solution; caused by std::out_of_range: no row 7"));
}

TEST_CASE("at the queue limit submit waits or refuses until a task is done, and a shutdown ends the wait") {
  farm::MPISpawnPool refusing{{.max_ranks = 1, .queue_limit = {.tasks = 2, .when_full = farm::WhenFull::refuse}}};
  auto const sleep = [](int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); };
  auto const first = refusing.submit(sleep, 50);
  auto const second = refusing.submit(sleep, 1);
  CHECK_THROWS_AS(refusing.submit(sleep, 1), farm::QueueFull);
  first.result();
  second.result();
  refusing.submit(square, 2).result();

  farm::MPISpawnPool waiting{{.max_ranks = 1, .queue_limit = {.tasks = 3}}};
  std::atomic<int> most{0};
  std::atomic<int> pending{0};
  for (int i = 0; i < 200; ++i) {
    auto const future = waiting.submit(square, i);
    most = std::max<int>(most, ++pending);
    future.add_done_callback([&](auto const&) { --pending; });
  }
  CHECK(most <= 4);  // one task may be done while its callback has not run yet
  CHECK(waiting.map(square, std::vector<int>(100, 3)) == std::vector<int>(100, 9));

  auto const last = waiting.submit(sleep, 300);
  waiting.submit(square, 1);
  waiting.submit(square, 1);
  std::thread other{[&] { CHECK_THROWS_AS(waiting.submit(square, 1), farm::ShutdownError); }};
  waiting.shutdown(false, true);
  other.join();
  last.result();
}

TEST_CASE("tasks that were sent to a group ahead of time, behind a long task, run on other groups") {
  auto const let_go = std::filesystem::current_path() / "let_go";
  std::filesystem::remove(let_go);
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  pool.map(square, std::vector<int>(200, 1));  // afterwards many tasks are sent ahead
  auto const wait_for = [](std::string const& path) {
    while (access(path.c_str(), F_OK) != 0) usleep(1000);
    return 0;
  };
  std::vector<farm::Future<int>> squares;
  auto const submit = [&](int count) {
    for (int i = 0; i < count; ++i) squares.push_back(pool.submit(square, i));
  };
  submit(500);
  auto const held = pool.submit(wait_for, let_go.string());
  submit(500);
  CHECK(farm::wait(squares, farm::ReturnWhen::all_completed, std::chrono::seconds{20}).not_done.empty());
  CHECK_FALSE(held.done());
  std::ofstream{let_go}.close();
  CHECK(held.result() == 0);
  CHECK(pool.statistics().groups_lost == 0);
}
