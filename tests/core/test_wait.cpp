#include "tests/support/catch.hpp"

#include <farm/combine.hpp>
#include <farm/promise.hpp>
#include <farm/wait.hpp>

#include <malloc.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using farm::Future;
using farm::Promise;
using farm::ReturnWhen;

namespace {

auto error(std::string const& text) { return std::make_exception_ptr(std::invalid_argument(text)); }

template <class R>
std::vector<Future<R>> futures_of(std::vector<Promise<R>> const& promises) {
  std::vector<Future<R>> futures;
  for (auto const& promise : promises) futures.push_back(promise.future());
  return futures;
}

std::vector<int> results_of(auto range) {
  std::vector<int> results;
  for (auto const& future : range) results.push_back(future.result());
  return results;
}

}  // namespace

TEST_CASE("waiting for nothing ends at once") {
  CHECK(farm::wait(std::vector<Future<int>>{}).done.empty());
  CHECK(farm::wait(std::vector<Future<int>>{}, ReturnWhen::first_completed).not_done.empty());
  CHECK(results_of(farm::as_completed(std::vector<Future<int>>{})).empty());
  CHECK(farm::collect(std::vector<Future<int>>{}).result().empty());
  CHECK_NOTHROW(farm::collect(std::vector<Future<void>>{}).result());
}

TEST_CASE("waiting for an invalid future is refused") {
  std::vector<Future<int>> const futures(2);
  CHECK_THROWS_AS(farm::wait(futures), farm::UsageError);
  CHECK_THROWS_AS(farm::as_completed(futures), farm::UsageError);
  CHECK_THROWS_AS(farm::collect(futures), farm::UsageError);
  CHECK_THROWS_AS(farm::compose(futures[0], [](int) {}), farm::UsageError);
}

TEST_CASE("a timeout of wait is no error") {
  std::vector<Promise<int>> promises(3);
  promises[1].set_value(1);
  auto const futures = futures_of(promises);
  auto const result = farm::wait(futures, ReturnWhen::all_completed, 1ms);
  CHECK(result.done == std::vector{futures[1]});
  CHECK(result.not_done == std::vector{futures[0], futures[2]});
  CHECK_FALSE(futures[0].done());
}

TEST_CASE("wait returns repeated futures once") {
  std::vector<Promise<int>> promises(2);
  promises[0].set_value(1);
  auto const f = futures_of(promises);
  auto const result = farm::wait(std::vector{f[0], f[1], f[0], f[1]}, ReturnWhen::first_completed);
  CHECK(result.done == std::vector{f[0]});
  CHECK(result.not_done == std::vector{f[1]});
}

TEST_CASE("a cancelled future counts as done for wait") {
  std::vector<Promise<int>> promises(2);
  auto const futures = futures_of(promises);
  futures[1].cancel();
  CHECK(farm::wait(futures, ReturnWhen::first_completed).done == std::vector{futures[1]});
  promises[0].set_value(1);
  CHECK(farm::wait(futures).not_done.empty());
}

TEST_CASE("first_exception ends at an error, not at a value or a cancellation") {
  std::vector<Promise<int>> promises(4);
  auto const futures = futures_of(promises);
  futures[0].cancel();
  promises[1].set_value(1);
  CHECK(farm::wait(futures, ReturnWhen::first_exception, 0s).done.size() == 2);
  std::jthread const thread{[&] { promises[2].set_error(error("bad")); }};
  auto const result = farm::wait(futures, ReturnWhen::first_exception);
  CHECK(result.done.size() == 3);
  CHECK(result.not_done == std::vector{futures[3]});
}

TEST_CASE("first_exception waits for all if none fails") {
  std::vector<Promise<int>> promises(2);
  std::jthread const thread{[&] {
    for (auto& promise : promises) promise.set_value(1);
  }};
  CHECK(farm::wait(futures_of(promises), ReturnWhen::first_exception).done.size() == 2);
}

TEST_CASE("wait wakes for the first and for the last of many") {
  std::vector<Promise<int>> promises(1000);
  auto const futures = futures_of(promises);
  std::jthread const thread{[&] {
    for (auto& promise : promises) promise.set_value(1);
  }};
  CHECK_FALSE(farm::wait(futures, ReturnWhen::first_completed).done.empty());
  CHECK(farm::wait(futures, ReturnWhen::all_completed, 1h).not_done.empty());
}

TEST_CASE("waiting uses no processor time") {
  std::vector<Promise<int>> promises(2);
  auto const futures = futures_of(promises);
  auto const before = std::clock();
  static_cast<void>(farm::wait(futures, ReturnWhen::all_completed, 300ms));
  CHECK_THROWS_AS(futures[0].result(300ms), farm::TimeoutError);
  CHECK(std::clock() - before < CLOCKS_PER_SEC / 10);
}

TEST_CASE("waits that timed out leave nothing behind") {
  std::vector<Promise<int>> promises(3);
  auto const futures = futures_of(promises);
  auto const memory = mallinfo2().uordblks;
  for (int i = 0; i < 1000; ++i) static_cast<void>(farm::wait(futures, ReturnWhen::first_completed, 0s));
  CHECK(mallinfo2().uordblks < memory + 10'000);
  int calls = 0;
  futures[0].add_done_callback([&](auto const&) { ++calls; });
  { auto const unfinished = farm::as_completed(futures); }
  for (auto& promise : promises) promise.set_value(1);
  CHECK(calls == 1);
}

TEST_CASE("waits that end while futures are completed are safe") {
  for (int round = 0; round < 200; ++round) {
    std::vector<Promise<int>> promises(20);
    auto const futures = futures_of(promises);
    std::latch ready{3};
    std::jthread const completing{[&] {
      ready.arrive_and_wait();
      for (auto& promise : promises) promise.set_value(1);
    }};
    std::jthread const waiting{[&] {
      ready.arrive_and_wait();
      while (!farm::wait(futures, ReturnWhen::all_completed, 0s).not_done.empty()) {
      }
    }};
    ready.arrive_and_wait();
    while (farm::wait(futures, ReturnWhen::first_completed).done.size() < futures.size()) {
    }
  }
}

TEST_CASE("as_completed yields finished futures first, then each one once when it is done") {
  std::vector<Promise<int>> promises(4);
  auto futures = futures_of(promises);
  promises[2].set_value(2);
  promises[1].set_value(1);
  futures.push_back(futures[0]);
  auto range = farm::as_completed(futures);
  auto it = range.begin();
  CHECK(it->result() == 1);
  ++it;
  CHECK(it->result() == 2);
  promises[3].set_value(3);
  promises[0].set_value(0);
  std::vector<int> rest;
  for (auto const& future : range) rest.push_back(future.result());
  CHECK(rest == std::vector{2, 3, 0});
  CHECK(range.begin() == range.end());
}

TEST_CASE("as_completed yields cancelled and failed futures too") {
  std::vector<Promise<int>> promises(3);
  auto const futures = futures_of(promises);
  promises[0].set_error(error("bad"));
  futures[1].cancel();
  promises[2].set_value(1);
  int count = 0;
  for (auto const& future : farm::as_completed(futures)) count += future.done();
  CHECK(count == 3);
}

TEST_CASE("as_completed yields the futures that are done, and throws at its deadline") {
  std::vector<Promise<int>> promises(2);
  promises[1].set_value(7);
  std::vector<int> seen;
  auto const go = [&] {
    for (auto const& future : farm::as_completed(futures_of(promises), 1ms)) seen.push_back(future.result());
  };
  CHECK_THROWS_AS(go(), farm::TimeoutError);
  CHECK(seen == std::vector{7});
  CHECK_THROWS_WITH(go(), contains("1 of 2"));
}

TEST_CASE("as_completed yields futures that other threads complete") {
  constexpr int count = 1000;
  std::vector<Promise<int>> promises(count);
  std::vector<std::jthread> threads;
  auto const futures = futures_of(promises);
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < count; i += 2) promises[static_cast<std::size_t>(i)].set_value(i);
    });
  }
  std::vector<bool> seen(count, false);
  for (auto const& future : farm::as_completed(futures, 1h)) {
    auto const index = static_cast<std::size_t>(future.result());
    REQUIRE_FALSE(seen[index]);
    seen[index] = true;
  }
  CHECK(seen == std::vector<bool>(count, true));
}

TEST_CASE("collect returns all values in order") {
  std::vector<Promise<int>> promises(3);
  auto futures = futures_of(promises);
  futures.push_back(futures[0]);
  auto const all = farm::collect(futures);
  for (std::size_t i = 3; i-- > 0;) {
    CHECK_FALSE(all.done());
    promises[i].set_value(static_cast<int>(i));
  }
  CHECK(all.result() == std::vector{0, 1, 2, 0});
  CHECK(farm::collect(futures).result().size() == 4);
}

TEST_CASE("collect works for bools, for no futures and for values that cannot be copied") {
  std::vector<Promise<bool>> bools(2);
  std::vector<Promise<void>> nothings(2);
  std::vector<Promise<std::unique_ptr<int>>> pointers(2);
  auto const all_bools = farm::collect(futures_of(bools));
  auto const all_nothings = farm::collect(futures_of(nothings));
  auto const all_pointers = farm::collect(futures_of(pointers));
  for (auto& promise : bools) promise.set_value(true);
  for (auto& promise : nothings) promise.set_value();
  for (auto& promise : pointers) promise.set_value(std::make_unique<int>(3));
  CHECK(all_bools.result() == std::vector{true, true});
  CHECK_NOTHROW(all_nothings.result());
  CHECK(*all_pointers.result().at(1) == 3);
  CHECK_THROWS_AS(all_pointers.result(), std::logic_error);
}

TEST_CASE("the first failure of a collection cancels the rest") {
  std::vector<Promise<int>> promises(4);
  auto const futures = futures_of(promises);
  auto const all = farm::collect(futures);
  promises[0].set_value(0);
  promises[1].set_running();
  promises[2].set_error(error("bad"));
  CHECK_THROWS_WITH(all.result(), "bad");
  CHECK(futures[3].cancelled());
  CHECK(futures[1].running());
  CHECK(promises[1].set_value(1));
}

TEST_CASE("cancelling a part cancels the collection, and so the other parts") {
  std::vector<Promise<int>> promises(3);
  auto const futures = futures_of(promises);
  auto const all = farm::collect(futures);
  futures[1].cancel();
  CHECK(all.cancelled());
  CHECK(futures[2].cancelled());

  std::vector<Promise<int>> more(2);
  auto const cancelled = farm::collect(futures_of(more));
  CHECK(cancelled.cancel());
  CHECK(more[0].future().cancelled());
}

TEST_CASE("a collection that contains its own successor is refused") {
  Promise<int> start;
  Promise<int> other;
  Future<int> own;
  own = start.future().then([&](int) {
    return farm::collect(std::vector{other.future(), own}).then([](std::vector<int> const& v) { return v[0]; });
  });
  start.set_value(1);
  CHECK_THROWS_AS(own.result(), farm::UsageError);
}

TEST_CASE("several threads may complete the parts of a collection") {
  for (int round = 0; round < 100; ++round) {
    std::vector<Promise<int>> promises(40);
    auto const futures = futures_of(promises);
    bool const fails = round % 2 == 0;
    std::latch ready{3};
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        ready.arrive_and_wait();
        for (std::size_t i = t; i < promises.size(); i += 2) {
          if (fails && i == 20) {
            promises[i].set_error(error("bad"));
          } else {
            promises[i].set_value(1);
          }
        }
      });
    }
    ready.arrive_and_wait();
    auto const all = farm::collect(futures);
    if (fails) {
      CHECK_THROWS_AS(all.result(), std::invalid_argument);
    } else {
      CHECK(all.result().size() == 40);
    }
  }
}

TEST_CASE("compose maps the value or the error") {
  Promise<int> fine;
  Promise<int> failing;
  Promise<int> also_failing;
  auto const to_text = [](int i) { return std::to_string(i); };
  auto const on_error = [](std::exception_ptr) { return std::string("replaced"); };
  auto const a = farm::compose(fine.future(), to_text, on_error);
  auto const b = farm::compose(failing.future(), to_text, on_error);
  auto const c = farm::compose(failing.future(), to_text);
  auto const d = farm::compose(failing.future(), to_text, [](std::exception_ptr) { return error("other"); });
  auto const e = farm::compose(also_failing.future(), to_text, [](std::exception_ptr) -> std::string { throw 1; });
  fine.set_value(1);
  failing.set_error(error("bad"));
  also_failing.set_error(error("bad"));
  CHECK(a.result() == "1");
  CHECK(b.result() == "replaced");
  CHECK_THROWS_WITH(c.result(), "bad");
  CHECK_THROWS_WITH(d.result(), "other");
  CHECK_THROWS_AS(e.result(), int);
}

TEST_CASE("cancelling a composed future cancels its source") {
  Promise<int> promise;
  auto const composed = farm::compose(promise.future(), [](int i) { return i; });
  CHECK(composed.cancel());
  CHECK(promise.future().cancelled());
  Promise<int> cancelled;
  auto const next = farm::compose(cancelled.future(), [](int i) { return i; });
  cancelled.future().cancel();
  CHECK(next.cancelled());
}

TEST_CASE("futures of several types can be waited for together") {
  farm::Promise<int> number;
  farm::Promise<std::string> text;
  farm::Promise<void> nothing;
  auto const a = number.future();
  auto const b = text.future();
  auto const c = nothing.future();
  text.set_value("done");
  auto const first = farm::wait({a, b}, farm::ReturnWhen::first_completed);
  REQUIRE(first.done.size() == 1);
  CHECK(first.done[0] == b);
  REQUIRE(first.not_done.size() == 1);
  CHECK(first.not_done[0] == a);
  CHECK(farm::wait({a, b, c}, farm::ReturnWhen::all_completed, 1ms).not_done.size() == 2);
  number.set_value(1);
  nothing.set_value();
  CHECK(farm::wait(a, b, c).done.size() == 3);
  CHECK(farm::wait(a).done[0].result() == 1);
  CHECK(farm::wait({a, a}).done.size() == 1);
  CHECK(farm::wait(a, a).done[0].result() == 1);
  CHECK_NOTHROW(farm::wait(a, b).done[1].result());
  std::size_t count = 0;
  for (auto const& each : farm::as_completed({a, b, c})) count += each.done() ? 1U : 0U;
  for (auto const& each : farm::as_completed(a, b)) count += each.done() ? 1U : 0U;
  for (auto const& each : farm::as_completed({a, a})) count += each.result() == 1 ? 1U : 0U;
  CHECK(count == 6);
}

TEST_CASE("a future of any type converts to one without a value, which has the same error") {
  farm::Promise<int> promise;
  farm::Future<void> const any = promise.future();
  CHECK(any == promise.future());
  promise.set_error(std::make_exception_ptr(std::domain_error("no")));
  CHECK_THROWS_AS(any.result(), std::domain_error);
}
