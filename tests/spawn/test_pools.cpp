// Pools with the functions of multiprocessing.Pool.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"

#include <chrono>
#include <exception>
#include <fstream>
#include <future>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;

namespace {

int square(int i) { return i * i; }
int add(int a, int b) { return a + b; }
int positive(int i) {
  if (i < 0) throw std::domain_error("negative");
  return i;
}
int when_there(int i, std::string const& path) {
  while (!std::ifstream{path}) std::this_thread::yield();
  return i;
}
int for_ever(int i) {
  for (;;) std::this_thread::sleep_for(10ms);
  return i;
}
void create(std::string const& path) { std::ofstream{path} << 1; }
std::string path_of(char const* name) { return "pools-" + std::to_string(getpid()) + "-" + name; }

}  // namespace

TEST_CASE("map, starmap and apply block and return results in order") {
  farm::Pool pool{{.max_workers = 2}};
  CHECK(pool.num_workers() == 2);
  CHECK(pool.map(square, std::vector{1, 2, 3}) == std::vector{1, 4, 9});
  CHECK(pool.map(add, std::vector{1, 2, 3}, std::vector{10, 20}, farm::MapOptions{.chunksize = 2}) ==
        std::vector{11, 22});
  CHECK(pool.starmap(add, std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}) == std::vector{3, 7});
  CHECK(pool.starmap(add, std::vector<std::tuple<int, int>>{{1, 2}}, {.chunksize = 5}) == std::vector{3});
  CHECK(pool.apply(add, 3, 4) == 7);
  CHECK(pool.map(square, std::vector<int>{}).empty());
  pool.map([](int) {}, std::vector{1, 2});
  pool.apply([] {});
  CHECK_THROWS_AS(pool.apply(positive, -1), std::domain_error);
  CHECK_THROWS_AS(pool.map(positive, std::vector{1, -1}), std::domain_error);
  CHECK(pool.apply(square, 5) == 25);
}

TEST_CASE("a million inputs work in a pool") {
  farm::Pool pool{{.max_workers = 2}};
  std::vector<int> inputs(1'000'000);
  std::iota(inputs.begin(), inputs.end(), 0);
  auto const results = pool.map([](int i) { return i + 1; }, inputs, farm::MapOptions{.chunksize = 1000});
  CHECK(std::accumulate(results.begin(), results.end(), 0LL) == 500000500000LL);
}

TEST_CASE("an AsyncResult says whether it is ready and successful, and can be waited for") {
  farm::Pool pool{{.max_workers = 1}};
  auto const path = path_of("async");
  auto const result = pool.apply_async(when_there, 7, path);
  auto const failing = pool.apply_async(positive, -7);
  CHECK_FALSE(result.ready());
  CHECK_THROWS_AS(result.successful(), farm::UsageError);
  result.wait(1ms);
  CHECK_FALSE(result.ready());
  CHECK_THROWS_AS(result.get(1ms), farm::TimeoutError);
  create(path);
  result.wait();
  CHECK(result.ready());
  CHECK(result.successful());
  CHECK(result.get() == 7);
  CHECK(result.get(0ms) == 7);
  failing.wait(std::chrono::minutes{1});
  CHECK_FALSE(failing.successful());
  CHECK_THROWS_AS(failing.get(), std::domain_error);
  auto const nothing = pool.apply_async([] {});
  nothing.get();
  static_assert(std::is_void_v<decltype(nothing.get())>);
}

TEST_CASE("map_async and starmap_async return all results in one AsyncResult") {
  farm::Pool pool{{.max_workers = 2}};
  auto const squares = pool.map_async(square, std::vector{1, 2, 3, 4, 5}, farm::MapOptions{.chunksize = 2});
  auto const sums = pool.starmap_async(add, std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}, {.chunksize = 2});
  auto const none = pool.map_async(square, std::vector<int>{});
  auto const nothing = pool.map_async([](int) {}, std::vector{1, 2, 3});
  auto const failing = pool.map_async(positive, std::vector{1, -1, 2});
  CHECK(squares.get() == std::vector{1, 4, 9, 16, 25});
  CHECK(sums.get(60s) == std::vector{3, 7});
  CHECK(none.ready());
  CHECK(none.get().empty());
  nothing.get();
  CHECK_THROWS_AS(failing.get(), std::domain_error);
  CHECK_FALSE(failing.successful());
  CHECK(pool.apply(square, 5) == 25);
}

TEST_CASE("callbacks get the value or the error") {
  farm::Pool pool{{.max_workers = 1}};
  std::promise<int> one;
  std::promise<std::vector<int>> many;
  std::promise<std::vector<int>> stars;
  std::promise<void> nothing;
  std::promise<void> error;
  pool.apply_async(farm::Callbacks<int>{.callback = [&](int value) { one.set_value(value); }}, square, 3);
  pool.map_async(
      farm::Callbacks<std::vector<int>>{
          .callback = [&](std::vector<int> values) { many.set_value(std::move(values)); }},
      square, std::vector{1, 2}, farm::MapOptions{.chunksize = 2});
  pool.starmap_async(farm::Callbacks<std::vector<int>>{.callback = [&](auto values) { stars.set_value(values); }}, add,
                     std::vector<std::pair<int, int>>{{1, 1}});
  pool.apply_async(farm::Callbacks<void>{.callback = [&] { nothing.set_value(); }}, [] {});
  pool.apply_async(farm::Callbacks<int>{.callback = [&](int) { error.set_value(); },
                                        .error_callback = [&](std::exception_ptr e) { error.set_exception(e); }},
                   positive, -3);
  CHECK(one.get_future().get() == 9);
  CHECK(many.get_future().get() == std::vector{1, 4});
  CHECK(stars.get_future().get() == std::vector{2});
  nothing.get_future().get();
  CHECK_THROWS_AS(error.get_future().get(), std::domain_error);
  auto const result = pool.apply_async(farm::Callbacks<int>{.callback = [](int) { throw 1; }}, square, 4);
  CHECK(result.get() == 16);
  CHECK(pool.apply(square, 5) == 25);
}

TEST_CASE("imap and imap_unordered return lazy ranges") {
  farm::Pool pool{{.max_workers = 2}};
  std::vector<int> results;
  for (int const result : pool.imap(square, std::vector{1, 2, 3}, farm::MapOptions{.chunksize = 2}))
    results.push_back(result);
  CHECK(results == std::vector{1, 4, 9});
  auto const path = path_of("imap");
  pool.bootup();
  auto const first_waits = [](int i, std::string const& file) { return i == 0 ? when_there(i, file) : i; };
  auto range = pool.imap_unordered(first_waits, std::vector{0, 1, 2}, std::vector(3, path));
  CHECK(*range.next() + *range.next() == 3);
  create(path);
  CHECK(range.next() == 0);
  CHECK(pool.imap_unordered(square, std::vector{1, 2}, farm::MapOptions{.buffersize = 1}).to_vector() ==
        std::vector{1, 4});
}

TEST_CASE("after close() no task is accepted, submitted tasks still run, and join() waits for them") {
  farm::Pool pool{{.max_workers = 1}};
  CHECK_THROWS_AS(pool.join(), farm::UsageError);
  auto const path = path_of("close");
  auto const running = pool.apply_async(when_there, 1, path);
  auto const queued = pool.map_async(square, std::vector{1, 2});
  pool.close();
  CHECK_THROWS_AS(pool.apply_async(square, 1), farm::ShutdownError);
  CHECK_THROWS_AS(pool.map(square, std::vector{1}), farm::ShutdownError);
  CHECK_THROWS_AS(pool.imap(square, std::vector{1}, farm::MapOptions{.buffersize = 1}), farm::ShutdownError);
  create(path);
  pool.join();
  pool.join();
  CHECK(running.get() == 1);
  CHECK(queued.get() == std::vector{1, 4});
}

TEST_CASE("terminate() ends running tasks and cancels queued tasks") {
  farm::Pool pool{{.max_workers = 1}};
  auto const path = path_of("terminate");
  auto const running = pool.apply_async(
      [](std::string const& file) {
        create(file);
        return for_ever(1);
      },
      path);
  auto const queued = pool.apply_async(square, 1);
  auto const map = pool.map_async(square, std::vector{1, 2});
  while (!std::ifstream{path}) std::this_thread::yield();
  pool.terminate();
  pool.join();
  CHECK_THROWS_AS(running.get(), farm::CancelledError);
  CHECK_THROWS_AS(queued.get(), farm::CancelledError);
  CHECK_THROWS_AS(map.get(), farm::CancelledError);
  CHECK(queued.ready());
  CHECK_FALSE(queued.successful());
  CHECK_THROWS_AS(pool.apply(square, 1), farm::ShutdownError);
}

TEST_CASE("destroying a pool waits for submitted tasks") {
  auto const result = [] {
    farm::Pool pool{{.max_workers = 2}};
    return pool.map_async(square, std::vector{1, 2, 3});
  }();
  CHECK(result.ready());
  CHECK(result.get() == std::vector{1, 4, 9});
}

TEST_CASE("map_async refuses the options that it cannot use") {
  farm::Pool pool{{.max_workers = 1}};
  using Options = farm::MapOptions;
  auto const map = [&](Options const& options) { pool.map_async(square, std::vector{1}, options); };
  CHECK_THROWS_AS(map(Options{.timeout = 1s}), farm::UsageError);
  CHECK_THROWS_AS(map(Options{.unordered = true}), farm::UsageError);
  CHECK_THROWS_AS(map(Options{.buffersize = 1}), farm::UsageError);
  CHECK_THROWS_AS(map(Options{.progress = [](farm::Progress const&) {}}), farm::UsageError);
  CHECK_THROWS_AS(map(Options{.chunksize = 0}), farm::UsageError);
  CHECK_THROWS_AS(pool.starmap_async(square, std::vector<std::tuple<int>>{}, Options{.timeout = 1s}), farm::UsageError);
}

TEST_CASE("workers are replaced after tasks_per_worker tasks") {
  farm::Pool pool{{.max_workers = 1, .tasks_per_worker = 1}};
  auto const pids = pool.map([](int) { return getpid(); }, std::vector{1, 2, 3});
  CHECK(std::set<int>(pids.begin(), pids.end()).size() == 3);
}

TEST_CASE("a moved-from pool says so") {
  farm::Pool pool{{.max_workers = 1}};
  farm::Pool other = std::move(pool);
  CHECK(other.apply(square, 2) == 4);
  CHECK_THROWS_WITH(pool.apply(square, 2), "this Pool was moved from");  // NOLINT
  CHECK_THROWS_AS(pool.map(square, std::vector{1}), farm::UsageError);
  CHECK_THROWS_AS(pool.close(), farm::UsageError);
  CHECK_THROWS_AS(pool.terminate(), farm::UsageError);
  CHECK_THROWS_AS(pool.join(), farm::UsageError);
  other.close();
  pool = std::move(other);
  pool.join();
}
