// Executors: the rules of concurrent.futures, and the additions of the farm.
#include <farm/farm.hpp>

#include <cereal/types/memory.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/picky.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;

namespace {

int square(int i) { return i * i; }
int add(int a, int b) { return a + b; }
int sum_of(std::vector<int> const& values) {
  int sum = 0;
  for (int const value : values) sum += value;
  return sum;
}
int positive(int i) {
  if (i < 0) throw std::domain_error("negative");
  return i;
}
int when_there(int i, std::string const& path) {
  while (!std::ifstream{path}) std::this_thread::yield();
  return i;
}
void create(std::string const& path) { std::ofstream{path} << 1; }
void note(int i, std::string const& path) { std::ofstream{path, std::ios::app} << i << ' '; }
std::string line_of(std::string const& path) {
  std::string line;
  std::getline(std::ifstream{path}, line);
  return line;
}
/// Returns a new path at each call.
std::string new_path() {
  static int number = 0;
  return "executors-" + std::to_string(getpid()) + "-" + std::to_string(number++);
}

/// A task that runs until it is released.
class Blocker {
 public:
  template <class Executor>
  explicit Blocker(Executor& executor) {
    auto const started = new_path();
    future = executor.submit(
        [](std::string const& here, std::string const& file) {
          create(here);
          return when_there(1, file);
        },
        started, path_);
    when_there(0, started);
  }
  void release() const { create(path_); }

  farm::Future<int> future;

 private:
  std::string path_ = new_path();
};

/// A range of 0, 1, 2 ... up to `end` or without end, or of one repeated number. Calls a function before each number.
class Generator {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using pointer = int const*;
    using reference = int;
    explicit Iterator(Generator& generator) : generator_(&generator) {}
    int operator*() const {
      generator_->before_(value_);
      return generator_->always_.value_or(value_);
    }
    Iterator& operator++() {
      ++value_;
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return value_ == generator_->end_; }

   private:
    Generator* generator_;
    int value_ = 0;
  };

  Generator(int end, std::function<void(int)> before, std::optional<int> always = {})
      : end_(end), before_(std::move(before)), always_(always) {}
  Iterator begin() { return Iterator{*this}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  int end_;
  std::function<void(int)> before_;
  std::optional<int> always_;
};

}  // namespace

TEST_CASE("a queued future can be cancelled, a running or finished one cannot") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  Blocker blocker{executor};
  auto const& running = blocker.future;
  auto const queued = executor.submit(square, 2);
  auto const after = executor.submit(square, 3);
  CHECK(running.running());
  CHECK_FALSE(running.cancel());
  std::promise<bool> called;
  queued.add_done_callback([&](farm::Future<int> const& future) { called.set_value(future.cancelled()); });
  CHECK(queued.cancel());
  CHECK(queued.cancel());
  CHECK(called.get_future().get());
  CHECK(queued.done());
  CHECK_THROWS_AS(queued.result(), farm::CancelledError);
  CHECK_THROWS_AS(queued.exception(), farm::CancelledError);
  blocker.release();
  CHECK(running.result() == 1);
  CHECK_FALSE(running.cancel());
  CHECK(after.result() == 9);
}

TEST_CASE("callbacks run once and in order, even if they are added late, and their exceptions are ignored") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const path = new_path();
  auto const future = executor.submit(when_there, 5, path);
  std::vector<int> calls;
  future.add_done_callback([&](auto const& done) { calls.push_back(done.result()); });
  future.add_done_callback([](auto const&) { throw std::runtime_error("from a callback"); });
  future.add_done_callback([&](auto const&) { calls.push_back(2); });
  create(path);
  CHECK(future.result() == 5);
  CHECK(calls == std::vector{5, 2});
  future.add_done_callback([&](auto const&) { calls.push_back(3); });
  CHECK(calls == std::vector{5, 2, 3});
  CHECK(executor.submit(square, 3).result() == 9);
}

TEST_CASE("shutdown with pending tasks works with and without waiting, and with and without cancelling") {
  for (bool const wait : {true, false}) {
    for (bool const cancel : {true, false}) {
      CAPTURE(wait, cancel);
      farm::MPIPoolExecutor executor{{.max_workers = 1}};
      Blocker blocker{executor};
      std::vector<farm::Future<int>> queued;
      for (int i = 0; i < 5; ++i) queued.push_back(executor.submit(square, i));
      auto shut = std::async(std::launch::async, [&] {
        executor.shutdown(wait, cancel);
        return blocker.future.done();
      });
      if (!wait) CHECK_FALSE(shut.get());
      if (cancel) CHECK_THROWS_AS(queued.back().result(), farm::CancelledError);
      CHECK_FALSE(blocker.future.done());
      blocker.release();
      if (wait) CHECK(shut.get());
      CHECK(blocker.future.result() == 1);
      for (int i = 0; i < 5; ++i) {
        auto const& future = queued[static_cast<std::size_t>(i)];
        if (cancel) {
          CHECK(future.cancelled());
        } else {
          CHECK(future.result() == i * i);
        }
      }
      CHECK_THROWS_AS(executor.submit(square, 1), farm::ShutdownError);
      CHECK_THROWS_AS(executor.map(square, std::vector{1}), farm::ShutdownError);
      CHECK_THROWS_AS(executor.map(square, std::vector{1}, farm::MapOptions{.buffersize = 1}), farm::ShutdownError);
      executor.shutdown();
    }
  }
}

TEST_CASE("the destructor waits for pending tasks") {
  std::vector<farm::Future<int>> futures;
  {
    farm::MPIPoolExecutor executor{{.max_workers = 2}};
    for (int i = 0; i < 20; ++i) futures.push_back(executor.submit(square, i));
  }
  for (int i = 0; i < 20; ++i) {
    CHECK(futures[static_cast<std::size_t>(i)].done());
    CHECK(futures[static_cast<std::size_t>(i)].result() == i * i);
  }
}

TEST_CASE("sixteen executors at once share four slots") {
  std::vector<farm::MPIPoolExecutor> executors;
  std::vector<farm::Future<int>> futures;
  for (int i = 0; i < 16; ++i) {
    executors.emplace_back(farm::ExecutorOptions{.max_workers = 1 + i % 4});
    for (int j = 0; j < 3; ++j) futures.push_back(executors.back().submit(add, i, j));
  }
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 3; ++j) CHECK(futures[static_cast<std::size_t>(3 * i + j)].result() == i + j);
  }
}

TEST_CASE("five threads submit to one shared executor and to an executor of their own") {
  farm::MPIPoolExecutor shared{{.max_workers = 2}};
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 5; ++t) {
    threads.emplace_back([&, t] {
      farm::MPIPoolExecutor own{{.max_workers = 1}};
      auto mapped = shared.map(square, std::vector(20, t));
      for (int i = 0; i < 20; ++i) {
        auto const here = shared.submit(add, t, i);
        auto const there = own.submit(add, t, -i);
        right += here.result() == t + i && there.result() == t - i;
      }
      for (int const result : mapped) right += result == t * t;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 5 * 40);
}

TEST_CASE("an Executor returns the results of all its ranks, first in, first out") {
  auto const rank = [](int i, farm::Comm const& comm) { return 10 * i + comm.rank(); };
  farm::Executor executor{{.cores = 3}};
  CHECK(executor.cores() == 3);
  CHECK(executor.num_workers() == 1);
  auto const future = executor.submit(rank, 4);
  static_assert(std::is_same_v<decltype(future), farm::Future<farm::RankResults<int>> const>);
  CHECK(future.result() == std::vector{40, 41, 42});
  std::vector<int> const as_vector = future.result();
  CHECK(as_vector.size() == 3);
  CHECK_THAT(error_of([&] { [[maybe_unused]] int const one = future.result(); }),
             contains("the results of 3 ranks do not convert to one value"));
  executor.submit([] {}).result();
  static_assert(std::is_same_v<decltype(executor.submit([] {})), farm::Future<void>>);
  CHECK_THROWS_AS(executor.submit(positive, -1).result(), std::domain_error);
  CHECK_THROWS_AS(executor.submit(farm::TaskOptions{.ranks = 2}, rank, 1), farm::UsageError);
  CHECK(executor.submit(farm::TaskOptions{.ranks = 3}, rank, 1).result().size() == 3);

  auto const path = new_path();
  std::vector<farm::Future<void>> notes;
  for (int i = 0; i < 5; ++i) {
    notes.push_back(executor.submit(
        [](int n, std::string const& file, farm::Comm const& comm) {
          if (comm.rank() == 0) note(n, file);
        },
        i, path));
  }
  farm::wait(notes);
  CHECK(line_of(path) == "0 1 2 3 4 ");
}

TEST_CASE("the result of an Executor of one core also converts to a scalar") {
  farm::Executor executor{{.cores = 1}};
  int const x = executor.submit(square, 3).result();
  CHECK(x == 9);
  CHECK(executor.submit(square, 3).result() == 9);
  std::string const text = executor.submit([](std::string const& s) { return s + "!"; }, "a").result();
  CHECK(text == "a!");
  std::unique_ptr<int> const pointer = executor.submit([](int i) { return std::make_unique<int>(i); }, 5).result();
  CHECK(*pointer == 5);
  std::vector<int> const list = executor.submit([](int i) { return std::vector{i, i}; }, 5).result();
  CHECK(list == std::vector{5, 5});
  CHECK(executor.submit(square, executor.submit(square, 2)).result() == 16);  // a future as argument
  CHECK(executor.submit(square, 2).then([](int four) { return four + 1; }).result() == 5);
}

TEST_CASE("a PoolExecutor balances serial functions") {
  farm::PoolExecutor executor{{.max_workers = 2}};
  CHECK(executor.num_workers() == 2);
  executor.bootup();
  Blocker blocker{executor};
  std::vector<farm::Future<int>> futures;
  for (int i = 0; i < 10; ++i) futures.push_back(executor.submit(square, i));
  for (int i = 0; i < 10; ++i) CHECK(futures[static_cast<std::size_t>(i)].result() == i * i);
  CHECK_FALSE(blocker.future.done());
  blocker.release();
  CHECK(blocker.future.result() == 1);
}

TEST_CASE("a task waits for the values of futures that are its arguments") {
  farm::MPIPoolExecutor executor{{.max_workers = 2}};
  auto const two = executor.submit(square, 2).then([](int) { return 2; });
  auto const three = executor.submit(add, 1, two);
  CHECK(executor.submit(add, two, three).result() == 5);
  std::vector<farm::Future<int>> many;
  for (int i = 0; i < 5; ++i) many.push_back(executor.submit(square, i));
  CHECK(executor.submit(sum_of, many).result() == 30);
  CHECK(executor.submit(sum_of, std::vector<farm::Future<int>>{}).result() == 0);
  CHECK_THROWS_AS(executor.submit(square, farm::Future<int>{}), farm::UsageError);
}

TEST_CASE("the failure or cancellation of a future passes on to the tasks that wait for it") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const bad = executor.submit(positive, -1);
  auto const dependent = executor.submit(square, bad);
  auto const of_vector = executor.submit(sum_of, std::vector{executor.submit(square, 1), bad});
  CHECK_THROWS_AS(dependent.result(), std::domain_error);
  CHECK_THROWS_AS(of_vector.result(), std::domain_error);
  CHECK_THROWS_AS(executor.submit(square, bad).result(), std::domain_error);  // it has failed already

  Blocker blocker{executor};
  auto const queued = executor.submit(square, 3);
  auto const waiting = executor.submit(square, queued);
  CHECK(queued.cancel());
  CHECK_THROWS_AS(waiting.result(), farm::CancelledError);
  auto const other = executor.submit(square, blocker.future);
  CHECK(other.cancel());
  blocker.release();
  CHECK(blocker.future.result() == 1);
  CHECK_THROWS_AS(other.result(), farm::CancelledError);
}

TEST_CASE("an executor that is shut down while a task waits for its argument runs or cancels that task") {
  for (bool const cancel : {false, true}) {
    CAPTURE(cancel);
    farm::MPIPoolExecutor first{{.max_workers = 1}};
    farm::MPIPoolExecutor second{{.max_workers = 1}};
    Blocker blocker{first};
    auto const dependent = second.submit(add, blocker.future, 10);
    second.shutdown(false, cancel);
    blocker.release();
    second.shutdown();
    CHECK(dependent.done());
    if (cancel) {
      CHECK_THROWS_AS(dependent.result(), farm::CancelledError);
    } else {
      CHECK(dependent.result() == 11);
    }
  }
}

TEST_CASE("a value that cannot be packed or unpacked fails its own future only") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const identity = [](Picky p) { return p; };
  auto const plus_one = [](Picky p) { return Picky{p.value + 1}; };
  auto const from_int = [](int i) { return Picky{i}; };
  auto const unpacked_twice = [](Picky p, int i) { return p.value + i; };
  CHECK_THROWS_AS(executor.submit(identity, Picky{13}).result(), farm::SerializationError);
  CHECK_THAT(error_of([&] { executor.submit(identity, Picky{13}).result(); }), contains("not thirteen"));
  CHECK_THROWS_AS(executor.submit(unpacked_twice, Picky{13}, executor.submit(square, 1)).result(),
                  farm::SerializationError);
  CHECK_THAT(error_of([&] { executor.submit(identity, Picky{14}).result(); }), contains("not fourteen"));
  CHECK_THAT(error_of([&] { executor.submit(plus_one, Picky{12}).result(); }), contains("not thirteen"));
  CHECK_THROWS_AS(executor.submit(from_int, 14).result(), farm::SerializationError);
  CHECK(executor.submit(plus_one, Picky{1}).result().value == 2);
}

TEST_CASE("tasks of higher priority start first") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  Blocker blocker{executor};
  auto const path = new_path();
  std::vector<farm::Future<void>> notes;
  for (int const priority : {0, 2, -1, 2, 1}) {
    auto const number = static_cast<int>(notes.size());
    notes.push_back(executor.submit(farm::TaskOptions{.priority = priority}, note, number, path));
  }
  blocker.release();
  farm::wait(notes);
  CHECK(line_of(path) == "1 3 4 0 2 ");
}

TEST_CASE("executors can be moved, and a moved-from executor says so") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const future = executor.submit(square, 2);
  auto other = std::move(executor);
  CHECK(future.result() == 4);
  CHECK(other.submit(square, 3).result() == 9);
  CHECK_THROWS_WITH(executor.submit(square, 1), "this MPIPoolExecutor was moved from");  // NOLINT
  CHECK_THROWS_AS(executor.map(square, std::vector{1}), std::invalid_argument);
  CHECK_THROWS_AS(executor.starmap(square, std::vector<std::tuple<int>>{}), farm::UsageError);
  CHECK_THROWS_AS(executor.submit_batch(square, std::vector{1}), farm::UsageError);
  CHECK_THROWS_AS(executor.bootup(), farm::UsageError);
  CHECK_THROWS_AS(executor.shutdown(), farm::UsageError);
  CHECK_THROWS_AS(executor.num_workers(), farm::UsageError);
  auto const last = other.submit(square, 5);
  other = farm::MPIPoolExecutor{{.max_workers = 1}};
  CHECK(last.done());  // assignment shut down the executor it had before
  executor = std::move(other);
  CHECK(executor.submit(square, 4).result() == 16);

  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto moved = std::move(pool);
  CHECK(moved.map(square, std::vector{1, 2}) == std::vector{1, 4});
  CHECK(moved.ranks_per_task() == 2);
  CHECK_THROWS_WITH(pool.max_ranks(), "this MPISpawnPool was moved from");  // NOLINT
  farm::Executor group{{.cores = 1}};
  auto const kept = std::move(group);
  CHECK_THROWS_WITH(group.submit(square, 1), "this Executor was moved from");  // NOLINT
  farm::PoolExecutor serial{{.max_workers = 1}};
  auto const kept_too = std::move(serial);
  CHECK_THROWS_WITH(serial.submit(square, 1), "this PoolExecutor was moved from");  // NOLINT
}

TEST_CASE("each option out of range is refused and named") {
  CHECK_THAT(error_of([] { farm::MPIPoolExecutor{{.max_workers = -1}}; }), contains("max_workers is -1"));
  CHECK_THAT(error_of([] { farm::MPIPoolExecutor{{.max_workers = 1, .tasks_per_worker = -2}}; }),
             contains("tasks_per_worker is -2"));
  CHECK_THAT(error_of([] { farm::PoolExecutor{{.max_workers = -3}}; }), contains("max_workers is -3"));
  CHECK_THAT(error_of([] { farm::Pool{{.max_workers = -4}}; }), contains("max_workers is -4"));
  CHECK_THAT(error_of([] { farm::Executor{{.cores = 0}}; }), contains("cores is 0"));
  CHECK_THAT(error_of([] { farm::Executor{{.cores = -1}}; }), contains("cores is -1"));
  CHECK_THROWS_AS(farm::MPIPoolExecutor{{.max_workers = -1}}, std::invalid_argument);
  CHECK_THROWS_AS(farm::MPIPoolExecutor{{.max_workers = 5}}, farm::SpawnError);
  CHECK_THROWS_AS(farm::Executor{{.cores = 5}}, farm::SpawnError);
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  CHECK_THROWS_AS(executor.submit(farm::TaskOptions{.ranks = 2}, square, 1), farm::UsageError);
  CHECK_THROWS_AS(executor.submit(farm::TaskOptions{.timeout = 0s}, square, 1), farm::UsageError);
}

TEST_CASE("without max_workers, an executor has FARM_MAX_WORKERS workers, or one for each slot") {
  CHECK(farm::MPIPoolExecutor{}.num_workers() == 4);
  setenv("FARM_MAX_WORKERS", "3", 1);
  CHECK(farm::MPIPoolExecutor{}.num_workers() == 3);
  CHECK(farm::PoolExecutor{{.max_workers = 0}}.num_workers() == 3);
  CHECK(farm::Pool{}.num_workers() == 3);
  setenv("FARM_MAX_WORKERS", "many", 1);
  CHECK_THROWS_AS(farm::MPIPoolExecutor{}, farm::UsageError);
  unsetenv("FARM_MAX_WORKERS");
}

TEST_CASE("a batch takes an input each time a task has ended, and returns the results in order") {
  farm::MPIPoolExecutor executor{{.max_workers = 2}};
  auto const path = new_path();
  bool in_step = true;
  Generator inputs{20, [&](int number) {
                     std::size_t ended = line_of(path).size() / 2;
                     in_step = in_step && static_cast<int>(ended) >= number - 1;
                   }};
  auto batch = executor.submit_batch(
      [](int i, std::string const& file) {
        note(i % 10, file);
        return i * i;
      },
      inputs, std::vector(20, path));
  auto const results = batch.result();
  CHECK(in_step);
  REQUIRE(results.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(results[static_cast<std::size_t>(i)] == i * i);
  CHECK(batch.done());
  CHECK(batch.size() == 20);
  CHECK(batch.futures()[3].result() == 9);
  CHECK(batch.result(1ms) == results);
  CHECK(executor.submit_batch(square, std::vector<int>{}).result().empty());
  executor.submit_batch([](int) {}, std::vector{1, 2, 3}).result();
}

TEST_CASE("an error does not stop a batch, and its result() throws the first error in order") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const batch = executor.submit_batch(positive, std::vector{1, -1, 2});
  CHECK_THROWS_AS(batch.result(), std::domain_error);
  while (!batch.done()) std::this_thread::yield();
  CHECK(batch.futures()[2].result() == 2);
  auto const endless = executor.submit_batch(positive, Generator{-1, [](int) {}, -1});
  CHECK_THROWS_AS(endless.result(), std::domain_error);  // although its inputs never end
}

TEST_CASE("a batch of endless inputs goes on until it is cancelled or destroyed") {
  farm::MPIPoolExecutor executor{{.max_workers = 2}};
  auto batch = executor.submit_batch(square, Generator{-1, [](int) {}});
  CHECK_THROWS_AS(batch.result(10ms), farm::TimeoutError);
  while (batch.size() < 10) std::this_thread::yield();
  CHECK_FALSE(batch.done());
  batch.cancel();
  CHECK_THROWS_AS(batch.result(), farm::CancelledError);
  while (!batch.done()) std::this_thread::yield();
  auto moved = executor.submit_batch(square, Generator{-1, [](int) {}});
  auto other = std::move(moved);
  CHECK_THROWS_WITH(moved.size(), "this Batch was moved from");  // NOLINT
  other = executor.submit_batch(square, std::vector{3});
  CHECK(other.result() == std::vector{9});
}

TEST_CASE("destroying a batch cancels the tasks that have not started") {
  farm::MPIPoolExecutor executor{{.max_workers = 2}};
  executor.bootup();
  Blocker one{executor};
  Blocker two{executor};
  std::vector<farm::Future<int>> futures;
  {
    auto const batch = executor.submit_batch(square, std::vector{1, 2, 3, 4});
    while (batch.size() < 2) std::this_thread::yield();
    futures = batch.futures();
  }
  for (auto const& future : futures) CHECK(future.cancelled());
  one.release();
  two.release();
}

TEST_CASE("a batch ends with the error of an iterator that throws, or of a shutdown") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const broken = executor.submit_batch(square, Generator{-1, [](int number) {
                                                                if (number == 3)
                                                                  throw std::runtime_error("the generator broke");
                                                              }});
  CHECK_THROWS_WITH(broken.result(), "the generator broke");
  while (!broken.done()) std::this_thread::yield();
  CHECK(broken.size() == 3);
  auto const endless = executor.submit_batch(square, Generator{-1, [](int) {}});
  while (endless.size() < 3) std::this_thread::yield();
  executor.shutdown();
  CHECK_THROWS_AS(endless.result(), farm::ShutdownError);
}

TEST_CASE("a batch holds lvalue ranges by reference, and moves rvalue ranges in") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  std::vector<int> const inputs{1, 2, 3};
  CHECK(executor.submit_batch(add, inputs, std::vector{10, 20, 30}).result() == std::vector{11, 22, 33});
  CHECK(executor.submit_batch(square, std::vector{executor.submit(square, 2)}).result() == std::vector{16});
}
