// The callbacks of a future have returned before anybody who waits for the future goes on.
#include <farm/combine.hpp>
#include <farm/error.hpp>
#include <farm/promise.hpp>
#include <farm/wait.hpp>

#include "tests/support/catch.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// A callback of a future that returns only after let_go.
struct HeldCallback {
  std::promise<void> entered;
  std::promise<void> let_go;
  std::atomic<bool> returned{false};

  template <class R>
  explicit HeldCallback(farm::Future<R> const& future) {
    future.add_done_callback([this, gate = let_go.get_future().share()](farm::Future<R> const& /*done*/) {
      entered.set_value();
      gate.wait();
      returned = true;
    });
  }
};

/// Starts `wait` on a thread while a callback of its future runs. Returns true if the callback had returned when `wait`
/// came back.
template <class Wait>
bool waits_for_callback(Wait wait) {
  farm::Promise<int> promise;
  auto const future = promise.future();
  HeldCallback callback{future};
  std::thread completes{[&] { promise.set_value(1); }};
  callback.entered.get_future().wait();
  bool had_returned = false;
  std::promise<void> started;
  std::thread waits{[&] {
    started.set_value();
    wait(future);
    had_returned = callback.returned;
  }};
  started.get_future().wait();
  CHECK_FALSE(future.done());
  CHECK(future.running());
  CHECK_FALSE(future.cancel());
  callback.let_go.set_value();
  waits.join();
  completes.join();
  CHECK(future.done());
  return had_returned;
}

}  // namespace

TEST_CASE("callbacks have returned before result, exception, wait and as_completed go on") {
  CHECK(waits_for_callback([](farm::Future<int> const& future) { CHECK(future.result() == 1); }));
  CHECK(waits_for_callback([](farm::Future<int> const& future) { CHECK(future.result(1h) == 1); }));
  CHECK(waits_for_callback([](farm::Future<int> const& future) { CHECK(future.exception() == nullptr); }));
  CHECK(waits_for_callback(
      [](farm::Future<int> const& future) { CHECK(farm::wait(std::vector{future}).done.size() == 1); }));
  CHECK(waits_for_callback([](farm::Future<int> const& future) {
    for (auto const& each : farm::as_completed(std::vector{future})) CHECK(each.result() == 1);
  }));
}

TEST_CASE("a future is done inside its own callbacks, and a callback that is added there runs at once") {
  farm::Promise<int> promise;
  auto const future = promise.future();
  std::vector<int> order;
  future.add_done_callback([&](farm::Future<int> const& done) {
    CHECK(done.done());
    CHECK(done.result() == 7);
    CHECK(done.result(0s) == 7);
    CHECK(farm::wait(std::vector{done}).done.size() == 1);
    done.add_done_callback([&](farm::Future<int> const& /*again*/) { order.push_back(1); });
    order.push_back(2);
  });
  future.add_done_callback([&](farm::Future<int> const& /*done*/) { order.push_back(3); });
  promise.set_value(7);
  CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("a callback that another thread adds while callbacks run is called, and waited for") {
  farm::Promise<int> promise;
  auto const future = promise.future();
  HeldCallback first{future};
  std::thread completes{[&] { promise.set_value(1); }};
  first.entered.get_future().wait();
  std::atomic<bool> second{false};
  future.add_done_callback([&](farm::Future<int> const& /*done*/) { second = true; });
  CHECK_FALSE(second);
  first.let_go.set_value();
  CHECK(future.result() == 1);
  CHECK(second);
  completes.join();
}

TEST_CASE("the callbacks of a cancelled future have returned before a waiting thread goes on") {
  farm::Promise<int> promise;
  auto const future = promise.future();
  HeldCallback callback{future};
  bool cancelled = false;
  std::thread cancels{[&] { cancelled = future.cancel(); }};
  callback.entered.get_future().wait();
  CHECK_FALSE(future.cancelled());
  callback.let_go.set_value();
  CHECK_THROWS_AS(future.result(), farm::CancelledError);
  CHECK(callback.returned);
  cancels.join();
  CHECK(cancelled);
}

TEST_CASE("futures that are made of a future are done when that future is") {
  for (int i = 0; i < 200; ++i) {
    farm::Promise<int> promise;
    auto const future = promise.future();
    auto const next = future.then([](int value) { return value + 1; });
    auto const all = farm::collect(std::vector{future, future});
    std::thread completes{[&] { promise.set_value(1); }};
    CHECK(future.result() == 1);
    CHECK(next.done());
    CHECK(all.done());
    completes.join();
  }
}

TEST_CASE("run_after_callbacks() runs a function after the callbacks that were deferred before it") {
  std::vector<int> calls;
  farm::Promise<int> promise;
  promise.future().add_done_callback([&](farm::Future<int> const& /*done*/) { calls.push_back(1); });
  {
    farm::detail::PutOffCallbacks const put_off;
    promise.set_value(0);
    farm::detail::run_after_callbacks([&] { calls.push_back(2); });
    CHECK(calls.empty());
  }
  farm::detail::run_deferred_callbacks();
  CHECK(calls == std::vector{1, 2});
  farm::detail::run_after_callbacks([&] { calls.push_back(3); });
  CHECK(calls == std::vector{1, 2, 3});
}
