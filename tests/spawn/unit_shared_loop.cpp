// The master's loop, run by its own thread and by threads that wait.
#include "spawn/loop/shared_loop.hpp"

#include <asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"

using namespace farm::detail;

namespace {

/// Always has input, as if ranks answered without end.
class BusyInput final : public PolledInput {
 public:
  bool poll() override {
    if (loop->has_borrowed_turn()) ++polls_by_waiting_thread;
    return true;
  }
  [[nodiscard]] bool prepare_to_sleep() override { return false; }
  void wake_up() override {}

  SharedLoop* loop = nullptr;
  std::atomic<int> polls_by_waiting_thread{0};
};

/// A loop with its thread, as in a hub.
class Loop {
 public:
  Loop() : Loop(nullptr) {}
  explicit Loop(BusyInput* input) : loop_(std::make_shared<SharedLoop>([] {}, input)) {
    if (input != nullptr) input->loop = loop_.get();
    add_wait_helper(loop_);
    thread_ = std::thread{[this] { loop_->run(); }};
  }
  Loop(Loop const&) = delete;
  Loop& operator=(Loop const&) = delete;
  ~Loop() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    loop_->post([this] { loop_->context().stop(); });
    thread_.join();
  }
  SharedLoop* operator->() { return loop_.get(); }
  SharedLoop& operator*() { return *loop_; }
  [[nodiscard]] std::thread::id own() const { return thread_.get_id(); }

 private:
  std::shared_ptr<SharedLoop> loop_;
  std::thread thread_;
};

/// Completes the state on the loop after `steps` further handlers, as a task's round trip takes several.
void complete_in(SharedLoop& loop, StatePtr const& state, int steps) {
  loop.run_or_post([&loop, state, steps] {
    if (steps == 0) {
      state->set_bytes("done");
    } else {
      loop.post([&loop, state, steps] { complete_in(loop, state, steps - 1); });
    }
  });
}

}  // namespace

TEST_CASE("one thread at a time runs the loop, and everything that is waited for is done") {
  Loop loop;
  std::atomic<int> running{0};
  std::atomic<bool> overlapped{false};
  std::atomic<int> done{0};
  constexpr int threads = 4;
  constexpr int rounds = 300;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        auto const state = make_intrusive<FutureState>();
        loop->run_or_post([&, state] {
          if (++running != 1) overlapped = true;
          --running;
          state->set_bytes("done");
        });
        done += state->wait_until(never);
      }
    });
  }
  for (auto& thread : all) thread.join();
  CHECK(done == threads * rounds);
  CHECK_FALSE(overlapped);
}

TEST_CASE("a waiting thread gets to run the loop") {
  Loop loop;
  std::set<std::thread::id> ran_on;
  for (int i = 0; i < 100'000 && ran_on.count(std::this_thread::get_id()) == 0; ++i) {
    auto const state = make_intrusive<FutureState>();
    loop->post([&, state] {
      ran_on.insert(std::this_thread::get_id());
      state->set_bytes("done");
    });
    state->wait_until(never);
  }
  CHECK(ran_on.count(std::this_thread::get_id()) == 1);
}

TEST_CASE("each callback runs once, on the loop's own thread, whichever thread runs the loop") {
  Loop loop;
  constexpr int rounds = 300;
  std::atomic<int> here{0};
  std::atomic<int> elsewhere{0};
  for (int i = 0; i < rounds; ++i) {
    auto const state = make_intrusive<FutureState>();
    if (i % 3 == 0) state->add_callback([&] { ++(std::this_thread::get_id() == loop.own() ? here : elsewhere); });
    complete_in(*loop, state, i % 4);
    state->wait_until(never);
  }
  loop.stop();
  CHECK(here == rounds / 3);
  CHECK(elsewhere == 0);
}

TEST_CASE("posted work is done without a thread that waits for it, even while the loop's thread is parked") {
  Loop loop;
  for (int i = 0; i < 20; ++i) {
    auto const awaited = make_intrusive<FutureState>();
    complete_in(*loop, awaited, 2);
    awaited->wait_until(never);
    std::atomic<bool> done{false};
    complete_in(*loop, make_intrusive<FutureState>(), 2);
    loop->post([&] { done = true; });
    while (!done) std::this_thread::yield();
  }
  SUCCEED();
}

TEST_CASE("timers of the loop expire after the last waiting thread has returned the turn") {
  Loop loop;
  asio::steady_timer timer{loop->context()};
  auto const limit = Clock::now() + std::chrono::minutes{1};
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> fired{false};
    auto const state = make_intrusive<FutureState>();
    loop->run_or_post([&, state] {
      timer.expires_after(std::chrono::milliseconds{1});
      timer.async_wait([&](asio::error_code const& /*error*/) { fired = true; });
      state->set_bytes("done");
    });
    state->wait_until(never);
    while (!fired && Clock::now() < limit) std::this_thread::yield();
    REQUIRE(fired);
  }
}

TEST_CASE("a wait ends at its deadline, and no thread runs a loop that has stopped") {
  Loop loop;
  auto const never_done = make_intrusive<FutureState>();
  CHECK_FALSE(never_done->wait_until(Clock::now() + std::chrono::milliseconds{1}));
  loop.stop();
  CHECK_FALSE(never_done->wait_until(Clock::now() + std::chrono::milliseconds{1}));
}

TEST_CASE("a waiting thread notices events and its deadline while polled input never ends") {
  using namespace std::chrono_literals;
  bool const is_done = GENERATE(true, false);
  BusyInput input;
  Loop loop{&input};
  for (int i = 0; i < 500 && input.polls_by_waiting_thread < 1000;
       ++i) {  // until the waiting thread has had the turn for long enough
    auto const state = make_intrusive<FutureState>();
    std::thread other{[&] {
      auto const end = Clock::now() + 20ms;
      while (input.polls_by_waiting_thread < 1000 && Clock::now() < end) std::this_thread::yield();
      if (is_done) loop->post([state] { state->set_bytes("done"); });
    }};
    CHECK(state->wait_until(Clock::now() + (is_done ? 10s : 5ms)) == is_done);
    other.join();
  }
  CHECK(input.polls_by_waiting_thread >= 1000);
}
