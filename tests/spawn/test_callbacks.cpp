// Callbacks of futures that wait for other tasks, and callbacks that refer to what the waiting function owns.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

int twice(int i) { return 2 * i; }
int slow_twice(int i) {
  std::this_thread::sleep_for(20ms);
  return 2 * i;
}

/// Runs `inside` in a callback of a task, and returns what it returned; an exception in the callback is thrown here.
template <class Inside>
auto in_callback(farm::MPISpawnPool& pool, Inside inside) {
  std::promise<decltype(inside())> promise;
  auto value = promise.get_future();
  pool.submit(slow_twice, 1).add_done_callback([&](farm::Future<int> const& /*done*/) {
    try {
      promise.set_value(inside());
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  });
  REQUIRE(value.wait_for(30s) == std::future_status::ready);
  return value.get();
}

}  // namespace

TEST_CASE("callbacks of tasks have returned when result() returns: they may refer to the caller's variables") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  for (int i = 0; i < 2000; ++i) {
    int seen = -1;
    auto const future = pool.submit(twice, i);
    future.add_done_callback([&](farm::Future<int> const& done) { seen = done.result(); });
    CHECK(future.result() == 2 * i);
    CHECK(seen == 2 * i);
  }
}

TEST_CASE("a callback may wait for other tasks, in every way") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  CHECK(in_callback(pool, [&] { return pool.submit(slow_twice, 3).result(); }) == 6);
  CHECK(in_callback(pool, [&] { return pool.submit(slow_twice, 3).result(10s); }) == 6);
  CHECK(in_callback(pool, [&] { return pool.submit(slow_twice, 3).exception() == nullptr; }));
  CHECK(in_callback(pool, [&] { return farm::wait(std::vector{pool.submit(slow_twice, 1)}).done.size(); }) == 1);
  CHECK(in_callback(pool, [&] {
          int sum = 0;
          for (int const value : pool.map(slow_twice, std::vector{1, 2, 3})) sum += value;
          return sum;
        }) == 12);
  CHECK(in_callback(pool, [&] {
          int sum = 0;
          std::vector const futures{pool.submit(slow_twice, 1), pool.submit(slow_twice, 2)};
          for (auto const& each : farm::as_completed(futures)) sum += each.result();
          return sum;
        }) == 6);
  CHECK(pool.submit(twice, 5).result() == 10);
}

TEST_CASE("a function that is given to then() may wait for other tasks") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  auto const next = pool.submit(slow_twice, 1).then([&](int value) { return pool.submit(slow_twice, value).result(); });
  CHECK(next.result(30s) == 4);
}

TEST_CASE("a wait in a callback ends at its time limit, and at what another thread does") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  farm::Promise<int> promise;
  CHECK_THROWS_AS(in_callback(pool, [&] { return promise.future().result(20ms); }), farm::TimeoutError);
  std::thread completes;
  CHECK(in_callback(pool, [&] {
          completes = std::thread{[&] { promise.set_value(3); }};
          return promise.future().result();
        }) == 3);
  completes.join();
}

TEST_CASE("many callbacks that wait at once end, or are refused") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  constexpr int count = 1000;
  std::atomic<int> ended{0};
  std::vector<farm::Future<int>> futures;
  for (int i = 0; i < count; ++i) {
    futures.push_back(pool.submit(twice, i));
    futures.back().add_done_callback([&](farm::Future<int> const& /*done*/) {
      try {
        int const value = pool.submit(twice, 1).result();
        CHECK(value == 2);
      } catch (farm::UsageError const&) {  // too many wait inside of each other
      }
      ++ended;
    });
  }
  static_cast<void>(farm::wait(futures));
  CHECK(ended == count);
  CHECK(pool.submit(twice, 5).result() == 10);
}

TEST_CASE("when a pool has ended, the callbacks of its tasks have returned") {
  std::atomic<int> returned{0};
  {
    farm::MPISpawnPool pool{{.max_ranks = 1}};
    for (int i = 0; i < 20; ++i) {
      pool.submit(slow_twice, i).add_done_callback([&](farm::Future<int> const& /*done*/) {
        std::this_thread::sleep_for(5ms);  // a callback that takes its time
        ++returned;
      });
    }
    pool.shutdown(true, true);
    CHECK(returned == 20);
  }
}
