// max_fails: a map or batch starts no further tasks once so many of its inputs have failed.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdlib>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

int fail(int i) { throw std::domain_error(fmt::format("bad {}", i)); }
int square(int i) { return i * i; }

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace

TEST_CASE("a map starts no further tasks once max_fails inputs have failed, and says which failed first") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  std::size_t failed = 0;
  std::size_t not_started = 0;
  for (auto const& outcome : pool.map(fail, numbers(1000), farm::collect_errors({.max_fails = 2}))) {
    REQUIRE(!outcome.has_value());
    auto const text = error_of([&] { static_cast<void>(outcome.value()); });
    if (text.find("not started, because 2 inputs of the map failed (max_fails = 2)") == std::string::npos) {
      ++failed;
    } else {
      CHECK_THAT(text, contains("bad 0"));
      ++not_started;
    }
  }
  CHECK(failed + not_started == 1000);
  CHECK(failed >= 2);
  CHECK(not_started > 500);
  CHECK(pool.submit(square, 3).result() == 9);
}

TEST_CASE("in a map with chunks that collects errors, max_fails counts inputs") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  std::size_t ran = 0;
  std::size_t not_started = 0;
  for (auto const& outcome : pool.map(
           [](int i) {
             if (i % 4 == 0) throw std::domain_error("no good");
             return i;
           },
           numbers(4000), farm::collect_errors({.chunksize = 4, .max_fails = 3}))) {
    bool const has_run = outcome.has_value() ||
                         error_of([&] { static_cast<void>(outcome.value()); }).find("not started") == std::string::npos;
    ++(has_run ? ran : not_started);
  }
  CHECK(ran % 4 == 0);
  CHECK(ran >= 12);
  CHECK(not_started > 2000);
  CHECK(ran + not_started == 4000);
}

TEST_CASE("a lazy map of more inputs than max_fails takes no further ones, and throws the error at its end") {
  farm::MPIPoolExecutor pool{{.max_workers = 1}};
  std::size_t seen = 0;
  auto const inputs = numbers(1000);
  CHECK_THROWS_AS(
      [&] {
        for (auto const& outcome : pool.map(fail, inputs, farm::collect_errors({.buffersize = 4, .max_fails = 2}))) {
          if (!outcome.has_value()) ++seen;
        }
      }(),
      farm::TooManyFailures);
  CHECK(seen >= 2);
  CHECK(seen < 100);
}

TEST_CASE("a batch takes no further inputs once max_fails tasks have failed") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const batch = executor.submit_batch(fail, numbers(1000), farm::BatchOptions{.max_fails = 3});
  CHECK_THROWS_AS(batch.result(), std::domain_error);
  while (!batch.done()) farm::wait(batch.futures());
  CHECK(batch.size() >= 3);
  CHECK(batch.size() < 100);
  CHECK_THROWS_AS(executor.submit_batch(square, numbers(1), farm::BatchOptions{.max_fails = -1}), farm::UsageError);
}

TEST_CASE("a task is given up after as many losses as its own max_losses says") {
  farm::MPISpawnPool pool{{.max_ranks = 1, .max_losses = 3}};
  auto const die = [] { std::abort(); };
  auto const text = error_of([&] { pool.submit(farm::TaskOptions{.max_losses = 1}, die).result(); });
  CHECK_THAT(text, contains("1 time") || contains("lost"));
  CHECK(pool.statistics().groups_lost == 1);
}
