// Tasks whose results are cached: what runs, and what is taken from the cache.
#include <farm/farm.hpp>

#include "tests/spawn/captured.hpp"
#include "tests/spawn/scoped_environment.hpp"
#include "tests/spawn/scratch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

farm::TaskOptions const cached{.cache = true};  // NOLINT: nothing throws

/// Notes in the file that a task has run.
void note(std::string const& file, std::string const& line) {
  auto const text = line + '\n';
  std::ofstream{file, std::ios::app} << text << std::flush;
}

int square(std::string const& ran, int i) {
  note(ran, std::to_string(i));
  if (i == 13) throw std::domain_error("unlucky");
  return i * i;
}

std::string where(std::string const& ran, farm::Comm const& comm) {
  if (comm.rank() == 0) note(ran, "where");
  char const* const value = getenv("CACHED_TEST");
  return fmt::format("{} of {} {}", comm.rank(), comm.size(), value != nullptr ? value : "");
}

std::vector<double> large(std::string const& ran, double first) {
  note(ran, "large");
  std::vector<double> values(400'000);
  std::iota(values.begin(), values.end(), first);
  return values;
}

farm::Slab<double> shifted(std::string const& ran, farm::Slab<double const> const& in, double by,
                           farm::Comm const& comm) {
  if (comm.rank() == 0) note(ran, "shifted");
  farm::Slab<double> out{comm, in.extents()};
  std::transform(in.begin(), in.end(), out.begin(), [by](double value) { return value + by; });
  return out;
}

double sum(std::string const& ran, std::vector<double> const& values) {
  note(ran, "sum");
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// A directory for a test, with its cache and the file in which tasks note that they have run.
struct Place {
  Scratch scratch{"cached"};
  std::string ran = scratch.path / "ran";
  std::string cache = scratch.path / "cache";

  [[nodiscard]] farm::MPISpawnPool::Options options(int ranks = 2) const {
    return {.max_ranks = ranks, .cache_directory = cache};
  }
  /// Returns how many tasks have run since the last call.
  [[nodiscard]] std::size_t runs() {
    std::ifstream file{ran};
    std::size_t lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    fs::remove(ran);
    return lines;
  }
  [[nodiscard]] std::size_t entries() const {
    std::size_t count = 0;
    for (auto const& entry : fs::recursive_directory_iterator{cache})
      count += entry.path().filename().string().size() == 64 ? 1U : 0U;
    return count;
  }
};

std::vector<int> numbers(int count, int first = 0) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), first);
  return all;
}

}  // namespace

TEST_CASE("a task whose result is known does not run, in this pool or a later one") {
  Place place;
  for (int round = 0; round < 2; ++round) {
    farm::MPISpawnPool pool{place.options()};
    for (int again = 0; again < 2; ++again) {
      auto const future = pool.submit(cached, square, place.ran, 7);
      CHECK(future.result() == 49);
      CHECK(place.runs() == (round + again == 0 ? 1 : 0));
    }
    auto const done = pool.statistics();
    CHECK(done.tasks == 2);
    CHECK(done.cached == (round == 0 ? 1 : 2));
    CHECK(pool.submit(square, place.ran, 7).result() == 49);
    CHECK(place.runs() == 1);  // without the option it runs
  }
  CHECK(place.entries() == 1);
}

TEST_CASE("a result is on disk before its future has it") {
  Place place;
  farm::MPISpawnPool pool{place.options()};
  for (int i = 0; i < 200; ++i) {
    std::size_t entries = 0;
    auto const count = pool.submit(cached, square, place.ran, 100 + i).then([&](int) { entries = place.entries(); });
    count.result();
    REQUIRE(entries == static_cast<std::size_t>(i) + 1);
  }
}

TEST_CASE("other arguments, ranks, wishes, environments, directories and captures are other results") {
  Place place;
  farm::MPISpawnPool pool{place.options()};
  auto const run = [&](farm::TaskOptions options) {
    options.cache = true;
    return pool.submit(options, where, place.ran).result();
  };
  for (int round = 0; round < 2; ++round) {
    CHECK(run({}) == "0 of 1 ");
    CHECK(run({.ranks = 2}) == "0 of 2 ");
    CHECK(run({.environment = {{"CACHED_TEST", "a"}}}) == "0 of 1 a");
    CHECK(run({.environment = {{"CACHED_TEST", "b"}}}) == "0 of 1 b");
    CHECK(run({.directory = "/"}) == "0 of 1 ");
    CHECK(pool.submit(farm::all_ranks({.ranks = 2, .cache = true}), where, place.ran).result() ==
          std::vector<std::string>{"0 of 2 ", "1 of 2 "});
    CHECK(run({.priority = 1, .name = "a name"}) == "0 of 1 ");
    CHECK(place.runs() == (round == 0 ? 6 : 0));
    for (int const amount : {1, 2}) {
      CHECK(pool.submit(
                    cached, [ran = amount](int i) { return i + ran; }, 1)
                .result() == 1 + amount);
    }
  }
  CHECK(pool.statistics().cached == 1 + 7 + 2);
}

TEST_CASE("errors are not kept, and a task that throws runs again") {
  Place place;
  farm::MPISpawnPool pool{place.options()};
  for (int i = 0; i < 2; ++i) CHECK_THROWS_AS(pool.submit(cached, square, place.ran, 13).result(), std::domain_error);
  CHECK(place.runs() == 2);
}

TEST_CASE("in a map each input is found by itself, whatever the chunks are") {
  Place place;
  farm::MPISpawnPool pool{place.options()};
  auto const f = [ran = std::string{}](int i) { return i; };
  static_cast<void>(f);
  auto const chunksize = GENERATE(1, 3, 7, 100);
  std::vector<std::string> const rans(60, place.ran);
  auto const first = numbers(20, 100);
  CHECK(pool.map(square, rans, first, farm::MapOptions{.chunksize = 4, .task = cached}).size() == 20);
  CHECK(place.runs() == 20);
  std::vector<int> inputs;  // known ones and new ones by turns
  for (int i = 0; i < 30; ++i) inputs.insert(inputs.end(), {i < 20 ? 119 - i : 100, 200 + i});
  auto const squares = pool.map(square, rans, inputs, farm::MapOptions{.chunksize = chunksize, .task = cached});
  for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(squares.at(i) == inputs[i] * inputs[i]);
  CHECK(place.runs() == 30);
  CHECK(pool.map(square, rans, inputs, farm::MapOptions{.chunksize = 60, .task = cached}) == squares);
  CHECK(pool.submit(cached, square, place.ran, 229).result() == 229 * 229);
  CHECK(place.runs() == 0);
}

TEST_CASE("a map that collects errors keeps the results beside the errors") {
  Place place;
  farm::MPISpawnPool pool{place.options()};
  auto const chunksize = GENERATE(1, 4, 50);
  std::vector<std::string> const rans(20, place.ran);
  for (int round = 0; round < 2; ++round) {
    auto const outcomes =
        pool.map(square, rans, numbers(20, 5), farm::collect_errors({.chunksize = chunksize, .task = cached}));
    REQUIRE(outcomes.size() == 20);
    for (int i = 0; i < 20; ++i) {
      auto const& outcome = outcomes[static_cast<std::size_t>(i)];
      CHECK(outcome.has_value() == (i + 5 != 13));
      if (outcome.has_value()) CHECK(outcome.value() == (i + 5) * (i + 5));
    }
    auto const text = error_of([&] { static_cast<void>(outcomes[8].value()); });
    CHECK_THAT(text, contains("unlucky"));
    if (chunksize > 1) CHECK_THAT(text, contains("input 8"));
    CHECK(place.runs() == (round == 0 ? 20 : 1));
  }
}

TEST_CASE("a chunk that fails as a whole is run input by input, and what was known stays known") {
  Place place;
  farm::MPISpawnPool pool{{.max_ranks = 2, .max_losses = 1, .cache_directory = place.cache}};
  auto const f = [](std::string const& ran, int i) {
    note(ran, std::to_string(i));
    if (i == 3) std::_Exit(1);
    return 10 * i;
  };
  std::vector<std::string> const rans(6, place.ran);
  CHECK(pool.submit(cached, f, place.ran, 1).result() == 10);
  CHECK(place.runs() == 1);
  auto const outcomes = pool.map(f, rans, numbers(6), farm::collect_errors({.chunksize = 6, .task = cached}));
  for (int i = 0; i < 6; ++i) {
    auto const& outcome = outcomes.at(static_cast<std::size_t>(i));
    CHECK(outcome.has_value() == (i != 3));
    if (outcome.has_value()) CHECK(outcome.value() == 10 * i);
  }
  CHECK(place.runs() == 3 + 5);  // 0, 2, 3; then all but 1
  CHECK(place.entries() == 5);
}

TEST_CASE("arguments that are arrays are found by their elements, and results that are arrays outlive their files") {
  Place place;
  std::string first_file;
  for (int round = 0; round < 3; ++round) {
    farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .cache_directory = place.cache}};
    std::vector<double> values(100'000, 1.0);
    if (round == 2) values.back() = 2;
    auto const in = farm::stage(values, {1000, 100});
    auto const out = pool.submit(cached, shifted, place.ran, in, 3.0).result();
    CHECK(place.runs() == (round == 1 ? 0 : 1));
    CHECK(out.extents() == farm::Extents{1000, 100});
    CHECK(out.read().front() == 4);
    CHECK(out.read().back() == (round == 2 ? 5 : 4));
    if (round == 1) CHECK(out.path() != first_file);
    first_file = out.path();
    auto const all = pool.submit(farm::all_ranks(cached), shifted, place.ran, in, 5.0).result();
    CHECK(all.at(1).read().front() == 6);
  }
}

TEST_CASE("futures as arguments, and large vectors that tasks return, are found in the cache, too") {
  Place place;
  for (int round = 0; round < 2; ++round) {
    farm::MPISpawnPool pool{place.options()};
    auto const values = pool.submit(cached, large, place.ran, 1.0);
    auto const total = pool.submit(cached, sum, place.ran, values);
    auto const again = total.then([&](double) { return pool.submit(cached, sum, place.ran, values); });
    CHECK(total.result() == 400'000.0 * 400'001.0 / 2);
    CHECK(again.result().result() == total.result());
    CHECK(farm::as_array(values).size() == 400'000);
    CHECK(values.result().back() == 400'000);
    CHECK(place.runs() == (round == 0 ? 2 : 0));
  }
}

TEST_CASE("a batch and a pool's asynchronous map use the cache") {
  Place place;
  std::vector<std::string> const rans(10, place.ran);
  for (int round = 0; round < 2; ++round) {
    farm::MPIPoolExecutor executor{{.max_workers = 2, .cache_directory = place.cache}};
    auto const batch = executor.submit_batch(square, rans, numbers(10), farm::BatchOptions{.task = cached});
    CHECK(batch.result().at(9) == 81);
    farm::Pool pool{{.max_workers = 2, .cache_directory = place.cache}};
    auto const later = pool.starmap_async([](std::string const& ran, int i) { return square(ran, i); },
                                          std::vector<std::tuple<std::string, int>>{{place.ran, 3}, {place.ran, 4}},
                                          farm::MapOptions{.chunksize = 2, .task = cached});
    CHECK(later.get() == std::vector{9, 16});
    farm::Executor one{{.cores = 2, .cache_directory = place.cache}};
    CHECK(one.submit(cached, where, place.ran).result().at(1) == "1 of 2 ");
    CHECK(place.runs() == (round == 0 ? 10 + 2 + 1 : 0));
  }
}

TEST_CASE("an initializer is part of what a result depends on") {
  Place place;
  auto const load = [](int offset) { return offset; };
  auto const add = [](int i, farm::Initialized<int> const& offset) { return i + *offset; };
  for (int round = 0; round < 2; ++round) {
    for (int const offset : {10, 20}) {
      farm::MPISpawnPool pool{
          {.max_ranks = 1, .initializer = farm::initializer(load, offset), .cache_directory = place.cache}};
      CHECK(pool.submit(cached, add, 1).result() == 1 + offset);
      CHECK(pool.statistics().cached == (round == 0 ? 0 : 1));
    }
  }
}

TEST_CASE("a damaged result is computed again, and replaced") {
  Place place;
  farm::MPISpawnPool pool{place.options()};
  CHECK(pool.submit(cached, square, place.ran, 4).result() == 16);
  for (auto const& entry : fs::recursive_directory_iterator{place.cache}) {
    if (entry.path().filename().string().size() == 64) fs::resize_file(entry.path(), 40);
  }
  {
    Captured const log{2};
    CHECK(pool.submit(cached, square, place.ran, 4).result() == 16);
    CHECK_THAT(log.text(), contains("a cached result of square cannot be used"));
  }
  CHECK(pool.submit(cached, square, place.ran, 4).result() == 16);
  CHECK(place.runs() == 2);
}

TEST_CASE("a value that names a file of the stage is not kept") {
  Place place;
  farm::MPISpawnPool pool{place.options()};
  auto const in = farm::stage(std::vector<double>(50'000), {50'000});
  Captured const log{2};
  for (int i = 0; i < 2; ++i)
    CHECK(pool.submit(
                  cached, [](farm::Array<double> const& array) { return array.path().string(); }, in)
              .result() == in.path());
  CHECK(place.entries() == 0);
  CHECK_THAT(log.text(), contains("it names a file of the stage"));
}

TEST_CASE("a full disk costs results of the cache, and no task") {
  Place place;
  farm::MPISpawnPool pool{place.options()};
  fs::remove_all(place.cache);
  Captured const log{2};
  CHECK(pool.map(square, std::vector<std::string>(5, place.ran), numbers(5), farm::MapOptions{.task = cached}).at(4) ==
        16);
  CHECK_THAT(log.text(), contains("the result of square is not kept in the cache: "));
}

TEST_CASE("a cache must be named, and programs have none") {
  ScopedEnvironment const none{{{"FARM_CACHE", std::nullopt}}};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  CHECK_THAT(error_of<farm::UsageError>([&] { static_cast<void>(pool.submit(cached, where, "ran")); }),
             contains("give the pool a cache_directory, or set FARM_CACHE"));
  auto const future = pool.submit(square, "/dev/null", 2);
  CHECK_THAT(error_of<farm::UsageError>([&] { static_cast<void>(pool.submit(cached, square, "/dev/null", future)); }),
             contains("give the pool a cache_directory"));
  CHECK_THAT(error_of<farm::UsageError>([&] { static_cast<void>(pool.run(cached, {.command = {"true"}})); }),
             contains("TaskOptions::cache is for functions"));
  Place place;
  CHECK_THAT(error_of<farm::UsageError>([&] {
               farm::MPISpawnPool{{.max_ranks = 1, .cache_directory = place.scratch.path / "cache" / "" / ""}};
               farm::MPISpawnPool{{.max_ranks = 1, .cache_directory = "/proc/cache"}};
             }),
             contains("the cache directory /proc/cache cannot be used"));
  ScopedEnvironment const set{{{"FARM_CACHE", place.cache}}};
  CHECK(pool.submit(cached, square, place.ran, 3).result() == 9);
  CHECK(place.entries() == 1);
}

TEST_CASE("a pool that was shut down gives no result of the cache, and the last results are kept at its end") {
  Place place;
  std::optional<farm::Future<int>> last;
  {
    farm::MPISpawnPool pool{place.options()};
    last = pool.submit(cached, square, place.ran, 5);
    pool.shutdown(false);
    CHECK_THROWS_AS(pool.submit(cached, square, place.ran, 5), farm::ShutdownError);
  }
  CHECK(last->done());
  CHECK(place.entries() == 1);
  farm::MPISpawnPool pool{place.options()};
  CHECK(pool.submit(cached, square, place.ran, 5).result() == 25);
  pool.shutdown();
  CHECK_THROWS_AS(pool.submit(cached, square, place.ran, 5), farm::ShutdownError);
  CHECK(place.runs() == 1);
}

TEST_CASE("cached tasks may be cancelled, before they run and while they do") {
  Place place;
  farm::MPISpawnPool pool{{.max_ranks = 1, .cache_directory = place.cache}};
  auto const nap = [](int i) {
    std::this_thread::sleep_for(60s);
    return i;
  };
  auto running = pool.submit(farm::TaskOptions{.cancellable = true, .cache = true}, nap, 1);
  auto waiting = pool.submit(cached, nap, 2);
  while (!running.running()) std::this_thread::sleep_for(1ms);
  CHECK(waiting.cancel());
  CHECK(running.cancel());
  CHECK_THROWS_AS(running.result(), farm::CancelledError);
  CHECK(pool.submit(cached, square, place.ran, 6).result() == 36);
  CHECK(place.entries() == 1);
}

TEST_CASE("threads that submit the same tasks at once get the same results") {
  Place place;
  farm::MPISpawnPool pool{place.options()};
  std::vector<std::jthread> threads;
  std::vector<std::vector<int>> results(4);
  for (auto& result : results) {
    threads.emplace_back([&] {
      result = pool.map(square, std::vector<std::string>(100, place.ran), numbers(100, 300),
                        farm::MapOptions{.chunksize = 3, .task = cached});
    });
  }
  threads.clear();
  for (auto const& result : results) CHECK(result == results.front());
  CHECK(results.front().at(99) == 399 * 399);
  CHECK(place.entries() == 100);
}
