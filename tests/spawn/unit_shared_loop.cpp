// The loop of the master, run by its own thread and by those that wait.
#include "spawn/wire/shared_loop.hpp"

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

/// Has always something, as where ranks answer without end.
class BusyLookout final : public Lookout {
 public:
  bool look() override {
    if (loop->is_guest()) ++looks_of_guests;
    return true;
  }
  [[nodiscard]] bool fall_asleep() override { return false; }
  void wake_up() override {}

  SharedLoop* loop = nullptr;
  std::atomic<int> looks_of_guests{0};
};

/// With its thread, as a hub has it.
class Loop {
 public:
  Loop() : Loop(nullptr) {}
  explicit Loop(BusyLookout* lookout) : loop_(std::make_shared<SharedLoop>([] {}, lookout)) {
    if (lookout != nullptr) lookout->loop = loop_.get();
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

/// Completes the state on the loop in so many steps, as the way to a rank and back has some.
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

TEST_CASE("one thread after the other runs the loop, and everything that is waited for is done") {
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

TEST_CASE("a thread that waits runs the loop in time") {
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

TEST_CASE("callbacks run on the loop's own thread, whoever runs the loop, and each once") {
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

TEST_CASE("what is posted while a guest is away is done without anybody waiting for it") {
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

TEST_CASE("what the loop waits for itself happens when the guests have gone") {
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

TEST_CASE("a wait ends at its deadline, and a loop that has stopped is not run any more") {
  Loop loop;
  auto const never_done = make_intrusive<FutureState>();
  CHECK_FALSE(never_done->wait_until(Clock::now() + std::chrono::milliseconds{1}));
  loop.stop();
  CHECK_FALSE(never_done->wait_until(Clock::now() + std::chrono::milliseconds{1}));
}

TEST_CASE("a guest hears of events and of its deadline, though there is always something to look for") {
  using namespace std::chrono_literals;
  bool const is_told = GENERATE(true, false);
  BusyLookout lookout;
  Loop loop{&lookout};
  for (int i = 0; i < 500 && lookout.looks_of_guests < 1000; ++i) {  // until it has been one for long enough
    auto const state = make_intrusive<FutureState>();
    std::thread other{[&] {
      auto const end = Clock::now() + 20ms;
      while (lookout.looks_of_guests < 1000 && Clock::now() < end) std::this_thread::yield();
      if (is_told) loop->post([state] { state->set_bytes("done"); });
    }};
    CHECK(state->wait_until(Clock::now() + (is_told ? 10s : 5ms)) == is_told);
    other.join();
  }
  CHECK(lookout.looks_of_guests >= 1000);
}
