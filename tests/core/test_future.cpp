#include "tests/support/catch.hpp"

#include <farm/future.hpp>
#include <farm/promise.hpp>

#include <cereal/types/memory.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using farm::Bytes;
using farm::Future;
using farm::Promise;
using farm::detail::FutureState;

namespace {

auto error(std::string const& text) { return std::make_exception_ptr(std::invalid_argument(text)); }

std::string text_of(std::exception_ptr const& error) {
  try {
    std::rethrow_exception(error);
  } catch (std::exception const& e) {
    return e.what();
  }
}

template <class R>
Future<R> packed(Bytes bytes) {
  auto state = farm::detail::make_intrusive<FutureState>();
  state->set_bytes(std::move(bytes));
  return Future<R>{state};
}

struct NotSerializable {
  std::thread::id id;
};

// Counts its living objects, to check that nothing keeps them alive.
struct Counted {
  static inline std::atomic<int> alive = 0;
  Counted() { ++alive; }
  Counted(Counted const&) { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  ~Counted() { --alive; }
};

struct HookedState : FutureState {
  bool request_stop() noexcept override { return ++stop_requests > 0; }
  void cancelled() noexcept override { ++cancellations; }
  int stop_requests = 0;
  int cancellations = 0;
};

struct Throwing {
  template <class Archive>
  void save(Archive&) const {}
  template <class Archive>
  void load(Archive&) {
    throw std::domain_error("no such thing");
  }
};

}  // namespace

TEST_CASE("a queued future costs little memory") {
  CHECK(sizeof(FutureState) <= 64);
  CHECK(sizeof(Future<int>) <= 2 * sizeof(void*));
}

TEST_CASE("a default-constructed future is not valid and says so") {
  Future<int> future;
  CHECK_FALSE(future.valid());
  CHECK_THROWS_AS(future.done(), farm::UsageError);
  CHECK_THROWS_AS(future.result(), farm::UsageError);
  CHECK_THROWS_AS(future.cancel(), farm::UsageError);
  CHECK_THROWS_AS(future.then([](int) {}), farm::UsageError);
}

TEST_CASE("a future goes from pending to running to done") {
  Promise<int> promise;
  auto const future = promise.future();
  CHECK_FALSE((future.done() || future.running() || future.cancelled()));
  CHECK(promise.set_running());
  CHECK_FALSE(promise.set_running());
  CHECK(future.running());
  CHECK_FALSE(future.cancel());
  CHECK(promise.set_value(42));
  CHECK((future.done() && !future.running() && !future.cancelled()));
  CHECK(future.result() == 42);
  CHECK(future.result(0s) == 42);
  CHECK(future.exception() == nullptr);
  CHECK_FALSE(future.cancel());
}

TEST_CASE("a future ends once") {
  Promise<int> promise;
  CHECK(promise.set_value(1));
  CHECK_FALSE(promise.set_value(2));
  CHECK_FALSE(promise.set_error(error("late")));
  CHECK(promise.future().result() == 1);
}

TEST_CASE("a failed future throws its error at each call, and returns it") {
  Promise<int> promise;
  promise.set_error(error("bad"));
  auto const future = promise.future();
  CHECK_THROWS_AS(future.result(), std::invalid_argument);
  CHECK_THROWS_WITH(future.result(), "bad");
  CHECK(text_of(future.exception()) == "bad");
}

TEST_CASE("a null error is an error too") {
  Promise<int> promise;
  promise.set_error(nullptr);
  CHECK_THROWS_AS(promise.future().result(), farm::UsageError);
}

TEST_CASE("a task that has not started is cancelled") {
  Promise<int> promise;
  auto const future = promise.future();
  CHECK(future.cancel());
  CHECK(future.cancel());
  CHECK((future.cancelled() && future.done()));
  CHECK_THROWS_AS(future.result(), farm::CancelledError);
  CHECK_THROWS_AS(future.exception(), farm::CancelledError);
  CHECK_FALSE(promise.set_running());
  CHECK_FALSE(promise.set_value(1));
}

TEST_CASE("a pending state is told that it was cancelled, and a running one is asked to stop") {
  auto const waiting = farm::detail::make_intrusive<HookedState>();
  CHECK(waiting->cancel());
  CHECK(waiting->cancel());
  CHECK(waiting->cancellations == 1);
  CHECK(waiting->stop_requests == 0);

  auto const running = farm::detail::make_intrusive<HookedState>();
  running->set_running();
  CHECK(running->cancel());
  CHECK(running->stop_requests == 1);
  CHECK(running->cancellations == 0);
  CHECK(running->status() == FutureState::Status::running);
  CHECK(running->set_cancelled());
  CHECK(running->status() == FutureState::Status::cancelled);
}

TEST_CASE("a timeout leaves the future as it is") {
  Promise<int> promise;
  auto const future = promise.future();
  CHECK_THROWS_AS(future.result(1ms), farm::TimeoutError);
  CHECK_THROWS_AS(future.result(-1h), farm::TimeoutError);
  CHECK_THROWS_AS(future.exception(0s), farm::TimeoutError);
  CHECK_THROWS_AS(future.exception(std::chrono::duration<double>(0.001)), farm::TimeoutError);
  CHECK_FALSE(future.done());
  promise.set_value(3);
  CHECK(future.result(std::chrono::hours::max()) == 3);
  CHECK(future.exception(std::chrono::duration<double>(std::numeric_limits<double>::infinity())) == nullptr);
}

TEST_CASE("a timeout too long for the clock waits for ever") {
  Promise<int> promise;
  std::jthread const thread{[&] { promise.set_value(5); }};
  CHECK(promise.future().result(std::chrono::hours::max()) == 5);
}

TEST_CASE("a packed result is unpacked anew by each call") {
  auto const future = packed<std::unique_ptr<std::string>>(farm::pack(std::make_unique<std::string>("text")));
  CHECK(*future.result() == "text");
  CHECK(*future.result() == "text");
  CHECK_NOTHROW(packed<void>({}).result());
}

TEST_CASE("the results of all ranks become a vector") {
  auto const state = farm::detail::make_intrusive<FutureState>();
  state->set_rank_bytes({farm::pack(1), farm::pack(2)});
  CHECK(Future<std::vector<int>>{state}.result() == std::vector{1, 2});
  CHECK_NOTHROW(Future<void>{state}.result());
  CHECK_THROWS_AS(Future<int>{state}.result(), farm::SerializationError);
  CHECK(packed<std::vector<int>>(farm::pack(std::vector{3, 4})).result() == std::vector{3, 4});
}

TEST_CASE("a result that cannot be unpacked names its type") {
  CHECK_THROWS_AS(packed<std::vector<double>>("xy").result(), farm::SerializationError);
  CHECK_THROWS_WITH(packed<int>("xy").result(), contains("int") && contains("fewer bytes"));
  CHECK_THROWS_WITH(packed<Throwing>("").result(), contains("Throwing: no such thing"));
}

TEST_CASE("a value made in this process need not be serializable") {
  auto const future = packed<int>(farm::pack(1)).then([](int) { return NotSerializable{std::this_thread::get_id()}; });
  CHECK(future.result().id == std::this_thread::get_id());
  CHECK(future.result().id == std::this_thread::get_id());
}

TEST_CASE("a local value that cannot be copied is moved out once") {
  Promise<std::vector<std::unique_ptr<int>>> promise;
  std::vector<std::unique_ptr<int>> value;
  value.push_back(std::make_unique<int>(7));
  promise.set_value(std::move(value));
  auto const future = promise.future();
  CHECK(*future.result().at(0) == 7);
  CHECK_THROWS_AS(future.result(), std::logic_error);
  CHECK(future.exception() == nullptr);
}

TEST_CASE("a shared pointer to an object that cannot be copied can be copied") {
  Promise<std::shared_ptr<std::unique_ptr<int>>> promise;
  promise.set_value(std::make_shared<std::unique_ptr<int>>());
  CHECK(promise.future().result() == promise.future().result());
}

TEST_CASE("a broken promise fails its future") {
  auto promise = std::make_unique<Promise<void>>();
  auto const future = promise->future();
  auto moved = std::move(*promise);
  promise.reset();
  CHECK_FALSE(future.done());
  moved = Promise<void>{};
  CHECK_THROWS_AS(future.result(), farm::BrokenPromise);
}

TEST_CASE("callbacks run once and in order; a late one runs at once") {
  Promise<int> promise;
  auto const future = promise.future();
  std::vector<int> order;
  for (int i = 0; i < 3; ++i)
    future.add_done_callback([&order, i](Future<int> f) { order.push_back(10 * f.result() + i); });
  CHECK(order.empty());
  promise.set_value(1);
  CHECK(order == std::vector{10, 11, 12});
  future.add_done_callback([&](Future<int> const& f) {
    CHECK(f == future);
    order.push_back(99);
  });
  CHECK(order == std::vector{10, 11, 12, 99});
}

TEST_CASE("callbacks run for errors and cancellations too") {
  int calls = 0;
  Promise<void> failing;
  Promise<void> cancelled;
  failing.future().add_done_callback([&](auto const& f) { calls += f.exception() != nullptr; });
  cancelled.future().add_done_callback([&](auto const& f) { calls += f.cancelled(); });
  failing.set_error(error("bad"));
  cancelled.future().cancel();
  CHECK(calls == 2);
}

TEST_CASE("an exception in a callback does not stop the other callbacks") {
  Promise<int> promise;
  int calls = 0;
  promise.future().add_done_callback([](auto const&) { throw std::runtime_error("this line on stderr is expected"); });
  promise.future().add_done_callback([&](auto const&) { ++calls; });
  CHECK(promise.set_value(1));
  promise.future().add_done_callback([](auto const&) { throw 1; });
  CHECK(calls == 1);
  CHECK(promise.future().result() == 1);
}

TEST_CASE("a callback may add callbacks, and complete and wait for other futures") {
  Promise<int> first;
  Promise<int> second;
  auto const sum = second.future().then([](int i) { return i + 1; });
  int seen = 0;
  first.future().add_done_callback([&](Future<int> const& f) {
    second.set_value(f.result());
    seen = sum.result();
    f.add_done_callback([&](auto const&) { ++seen; });
  });
  first.set_value(1);
  CHECK(seen == 3);
}

TEST_CASE("then calls its function with the value") {
  Promise<int> promise;
  auto const text = promise.future().then([](int i) { return std::to_string(i); });
  auto const nothing = text.then([](std::string const&) {});
  auto const size = nothing.then([p = std::make_unique<int>(5)] { return *p; });
  STATIC_REQUIRE(std::is_same_v<decltype(nothing), Future<void> const>);
  CHECK_FALSE(size.done());
  promise.set_value(12);
  CHECK(text.result() == "12");
  CHECK_NOTHROW(nothing.result());
  CHECK(size.result() == 5);
  CHECK(promise.future().then([](int i) { return i; }).result() == 12);
}

TEST_CASE("errors and cancellations pass through then") {
  Promise<int> failing;
  Promise<int> cancelled;
  int calls = 0;
  auto const after_error = failing.future().then([&](int) { return ++calls; }).then([&](int) { ++calls; });
  auto const after_cancel = cancelled.future().then([&](int) { ++calls; }).catch_error([&](auto const&) { ++calls; });
  failing.set_error(error("bad"));
  cancelled.future().cancel();
  CHECK_THROWS_WITH(after_error.result(), "bad");
  CHECK(after_cancel.cancelled());
  CHECK(calls == 0);
}

TEST_CASE("an exception that a chained function throws becomes the error") {
  Promise<int> promise;
  auto const next = promise.future().then([](int) -> int { throw std::domain_error("in then"); });
  auto const last = next.catch_error([](std::exception_ptr const&) -> int { throw std::domain_error("in catch"); });
  promise.set_value(1);
  CHECK_THROWS_WITH(next.result(), "in then");
  CHECK_THROWS_WITH(last.result(), "in catch");
}

TEST_CASE("catch_error replaces an error and leaves a value") {
  Promise<int> failing;
  Promise<int> fine;
  auto const handler = [](std::exception_ptr const& e) { return static_cast<int>(text_of(e).size()); };
  auto const replaced = failing.future().catch_error(handler);
  auto const kept = fine.future().catch_error(handler);
  auto const other = failing.future().catch_error([](std::exception_ptr) { return error("other"); });
  auto const later = failing.future().catch_error([&](auto const&) { return fine.future(); });
  failing.set_error(error("four"));
  CHECK_FALSE(later.done());
  fine.set_value(1);
  CHECK(replaced.result() == 4);
  CHECK(kept.result() == 1);
  CHECK_THROWS_WITH(other.result(), "other");
  CHECK(later.result() == 1);
}

TEST_CASE("then waits for a future that its function returns") {
  Promise<int> outer;
  Promise<std::string> inner;
  auto const flat = outer.future().then([&](int) { return inner.future(); });
  STATIC_REQUIRE(std::is_same_v<decltype(flat), Future<std::string> const>);
  outer.set_value(1);
  CHECK_FALSE(flat.done());
  CHECK(flat.running());
  inner.set_value("end");
  CHECK(flat.result() == "end");

  auto const unpacked =
      packed<int>(farm::pack(1)).then([](int) { return packed<std::string>(farm::pack(std::string("x"))); });
  CHECK(unpacked.result() == "x");
  auto const invalid = packed<int>(farm::pack(1)).then([](int) { return Future<int>{}; });
  CHECK_THROWS_AS(invalid.result(), farm::UsageError);
}

TEST_CASE("cancelling a chained future cancels the future that its function returned, not the first one") {
  Promise<int> outer;
  Promise<int> inner;
  auto const flat = outer.future().then([&](int) { return inner.future(); });
  auto const dropped = outer.future().then([](int i) { return i; });
  CHECK(dropped.cancel());
  CHECK_FALSE(outer.future().done());
  outer.set_value(1);
  CHECK(dropped.cancelled());
  CHECK(flat.cancel());
  CHECK(inner.future().cancelled());
  CHECK(flat.cancelled());
}

TEST_CASE("a future that is chained to itself fails") {
  Promise<int> start;
  Future<int> own;
  own = start.future().then([&](int) { return own; });
  start.set_value(1);
  CHECK_THROWS_AS(own.result(), farm::UsageError);
}

TEST_CASE("a cycle over several futures is refused") {
  Promise<int> start_a;
  Promise<int> start_b;
  Future<int> a;
  Future<int> b;
  Future<int> after_a;
  a = start_a.future().then(
      [&](int) { return b.then([](int i) { return i; }).catch_error([](auto const&) { return 0; }); });
  after_a = a.then([](int i) { return i; });
  b = start_b.future().then([&](int) { return after_a; });
  start_a.set_value(1);
  CHECK_FALSE(a.done());
  start_b.set_value(1);
  CHECK_THROWS_AS(b.result(), farm::UsageError);
  CHECK(a.result() == 0);
  CHECK(after_a.result() == 0);
}

TEST_CASE("long chains do not exhaust the stack") {
  constexpr int length = 100'000;
  Promise<int> promise;
  auto last = promise.future();
  for (int i = 0; i < length; ++i) last = last.then([](int n) { return n + 1; });
  promise.set_value(0);
  CHECK(last.result() == length);
}

TEST_CASE("a wait inside deeply nested callbacks first runs the deferred ones") {
  constexpr int depth = 100;
  std::vector<Promise<int>> promises(depth);
  int reached = 0;
  for (std::size_t i = 0; i + 1 < depth; ++i) {
    promises[i].future().add_done_callback([&, i](auto const&) {
      auto const next = promises[i + 1].future().then([](int n) { return n; });
      promises[i + 1].set_value(1);
      reached += next.result();
    });
  }
  promises[0].set_value(1);
  CHECK(reached == depth - 1);
}

TEST_CASE("nothing is kept once futures are done and dropped") {
  {
    Promise<Counted> promise;
    Promise<Counted> inner;
    auto const next = promise.future().then([&, held = Counted{}](Counted const&) { return inner.future(); });
    next.add_done_callback([held = Counted{}](auto const&) {});
    promise.set_value(Counted{});
    inner.set_value(Counted{});
    CHECK(next.done());
  }
  CHECK(Counted::alive == 0);
}

TEST_CASE("a chained future that is done keeps no future before it alive") {
  auto promise = std::make_unique<Promise<Counted>>();
  auto inner = std::make_unique<Promise<Counted>>();
  auto const next = promise->future().then([&](Counted const&) { return inner->future(); }).then([](Counted const&) {});
  promise->set_value(Counted{});
  promise.reset();
  CHECK(Counted::alive == 0);
  inner->set_value(Counted{});
  inner.reset();
  CHECK(next.done());
  CHECK(Counted::alive == 0);
}

TEST_CASE("every waiting thread is woken") {
  constexpr int count = 8;
  Promise<int> promise;
  std::latch ready{count + 1};
  std::atomic<int> sum = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        ready.arrive_and_wait();
        sum += i % 2 == 0 ? promise.future().result() : promise.future().result(1h);
      });
    }
    ready.arrive_and_wait();
    promise.set_value(1);
  }
  CHECK(sum == count);
}

TEST_CASE("if several threads complete, cancel and run a future, exactly one wins") {
  for (int round = 0; round < 500; ++round) {
    Promise<int> promise;
    auto const future = promise.future();
    std::atomic<int> completed = 0;
    std::atomic<int> callbacks = 0;
    std::atomic<bool> cancelled = false;
    std::atomic<bool> started = false;
    std::latch ready{3};
    {
      std::jthread const a{[&] {
        ready.arrive_and_wait();
        started = promise.set_running();
        completed += promise.set_value(1);
      }};
      std::jthread const b{[&] {
        ready.arrive_and_wait();
        cancelled = future.cancel();
        completed += cancelled;
      }};
      std::jthread const c{[&] {
        ready.arrive_and_wait();
        future.add_done_callback([&](auto const&) { ++callbacks; });
        completed += promise.set_error(error("c"));
      }};
    }
    REQUIRE(completed == 1);
    REQUIRE(callbacks == 1);
    REQUIRE_FALSE((cancelled && started));
    REQUIRE(future.cancelled() == cancelled);
  }
}

TEST_CASE("many futures are completed by one thread while others wait, chain and cancel") {
  constexpr std::size_t count = 2000;
  std::vector<Promise<std::size_t>> promises(count);
  std::vector<Future<std::size_t>> futures;
  for (auto const& promise : promises) futures.push_back(promise.future());
  std::atomic<std::size_t> ended = 0;
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < count; ++i) promises[i].set_value(i);
    });
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < count; ++i) {
        auto const next = futures[i].then([](std::size_t n) { return n + 1; });
        ended += next.exception() == nullptr && next.result() == i + 1;
      }
    });
    threads.emplace_back([&] {
      for (auto const& future : futures) {
        auto const next = future.then([](std::size_t n) { return n; });
        next.cancel();
        next.add_done_callback([&](auto const&) { ++ended; });
      }
    });
  }
  CHECK(ended == 2 * count);
}

TEST_CASE("several threads may read one error") {
  Promise<int> promise;
  std::atomic<int> caught = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&caught, future = promise.future()] {
        try {
          static_cast<void>(future.result());
        } catch (std::invalid_argument const&) {
          ++caught;
        }
      });
    }
    promise.set_error(error("bad"));
  }
  CHECK(caught == 4);
}
