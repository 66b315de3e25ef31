#include "spawn/loop/shared_loop.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// How long the loop polls after an event before it sleeps. Being woken takes longer (45 us in a virtual machine) than
/// most answers to small tasks.
constexpr auto spin_time = 50us;
/// How long the loop's thread stays parked while no waiting thread runs the loop.
constexpr auto park_time = 200us;
/// How long a waiting thread asks for the turn. The loop's thread checks for such threads between handlers.
constexpr auto request_time = 20us;
constexpr int max_waits_to_skip = 255;
/// After so many sleeps in a row that were longer than spin_time, the loop sleeps without polling: polling would keep
/// the core from the rank that has just received a task.
constexpr int max_long_sleeps = 4;
/// Polling the context takes a system call. While the polled input is busy, the context is polled once in so many
/// times.
constexpr int polls_per_context_poll = 16;
/// Callbacks that wait inside of each other, each of which takes some of the thread's stack.
constexpr int max_waiting_callbacks = 200;

/// Asks the scheduler for short time slices, since this thread runs for some microseconds at a time. Linux (6.12 and
/// later) then runs the thread as soon as it is woken; otherwise, the thread would wait until the rank that computes on
/// the same core has used up its 3 ms.
void ask_for_short_slices() {
  if (sched_getscheduler(0) != SCHED_OTHER || getpriority(PRIO_PROCESS, 0) < 0)
    return;            // the user has chosen another policy
  struct Attributes {  // sched_attr, whose header cannot be included together with <sched.h>
    std::uint32_t size = sizeof(Attributes);
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 1;  // SCHED_FLAG_RESET_ON_FORK: launchers and their ranks do not inherit it
    std::int32_t nice = getpriority(PRIO_PROCESS, 0);
    std::uint32_t priority = 0;
    std::uint64_t nanoseconds = 100'000;  // the minimum
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
  } const attributes;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace

void SharedLoop::run() {
  ask_for_short_slices();
  set_own_loop(this);
  std::unique_lock turn{turn_};
  int long_sleeps = 0;
  for (;;) {
    can_lend_turn_ = false;
    auto const asleep = Clock::now();
    sleep(never);
    can_lend_turn_ = true;
    auto last = Clock::now();
    long_sleeps = last - asleep < spin_time ? 0 : std::min(long_sleeps + 1, max_long_sleeps);
    auto const limit = long_sleeps < max_long_sleeps ? Clock::duration{spin_time} : Clock::duration{0};
    std::size_t handled = 0;
    do {
      handled = handle_all();
      run_deferred_callbacks();
      if (context_.stopped()) {
        closed_ = true;
        return;
      }
      if (turn_requests_ != 0) {
        park(turn);
        last = Clock::now();
      } else if (handled != 0) {
        last = Clock::now();
      } else {
        sched_yield();
      }
    } while (handled != 0 || Clock::now() - last < limit);
  }
}

/// Handles one event, at the deadline none. Callbacks are deferred, since the handler is not to be entered again.
void SharedLoop::sleep(Deadline deadline) {
  if (polled_ != nullptr && !polled_->prepare_to_sleep()) return;
  PutOffCallbacks const put_off;
  if (deadline == never) {
    context_.run_one();
  } else {
    context_.run_one_until(deadline);
  }
  if (polled_ != nullptr) polled_->wake_up();
}

std::size_t SharedLoop::handle_all() {
  PutOffCallbacks const put_off;
  auto const handled = handle(Events::all);
  after_handlers_();
  return handled;
}

void SharedLoop::run_until(std::function<bool()> const& ready, Deadline deadline) {
  if (waiting_callbacks_ >= max_waiting_callbacks) {
    throw UsageError(fmt::format(
        "{} callbacks of futures wait inside of each other: chain the tasks with then() instead", waiting_callbacks_));
  }
  ++waiting_callbacks_;
  can_lend_turn_ = false;
  while (!ready() && !context_.stopped()) {
    auto const handled = handle_all();
    run_deferred_callbacks();
    if (handled != 0) continue;
    if (ready() || Clock::now() >= deadline) break;
    sleep(deadline);
  }
  --waiting_callbacks_;
}

void SharedLoop::check_again() noexcept {
  try {
    asio::post(context_, [] {});
  } catch (std::exception const&) {  // no memory: the next event does it
  }
}

std::size_t SharedLoop::handle(Events events) {
  bool const any = polled_ != nullptr && polled_->poll();
  if (any && ++polls_since_context_ < polls_per_context_poll) return 1;
  polls_since_context_ = 0;
  return (events == Events::one ? context_.poll_one() : context_.poll()) + (any ? 1 : 0);
}

void SharedLoop::park(std::unique_lock<std::mutex>& turn) {
  turn.unlock();
  {
    std::unique_lock lock{parking_};
    parked_ = true;
    wake_requested_ = false;
    do {
      turn_was_lent_ = false;
      wake_condition_.wait_for(lock, park_time, [this] { return wake_requested_; });
    } while (!wake_requested_ && (turn_was_lent_ || turn_requests_ != 0 || borrower_ != std::thread::id{}));
    wake_requested_ = false;
    parked_ = false;
  }
  turn.lock();
  ran_inline_ = false;
}

void SharedLoop::wake() {
  {
    std::scoped_lock const lock{parking_};
    wake_requested_ = true;
  }
  wake_condition_.notify_one();
}

void SharedLoop::posted() {
  if (!parked_) return;
  if (borrower_ == std::this_thread::get_id()) {
    borrower_posted_ = true;
  } else {
    wake();
  }
}

bool SharedLoop::take_turn() {
  if (!can_lend_turn_) return false;
  bool taken = turn_.try_lock();
  if (!taken) {
    ++turn_requests_;
    auto const limit = Clock::now() + request_time;
    do {
      sched_yield();
      taken = turn_.try_lock();
    } while (!taken && can_lend_turn_ && Clock::now() < limit);
    --turn_requests_;
  }
  if (taken && closed_) {
    turn_.unlock();
    return false;
  }
  if (taken) borrower_ = std::this_thread::get_id();
  return taken;
}

void SharedLoop::return_turn(bool wake_thread) {
  turn_was_lent_ = true;
  bool const posted_something = std::exchange(borrower_posted_, false);
  borrower_ = std::thread::id{};
  turn_.unlock();
  if (wake_thread || posted_something) wake();
}

bool SharedLoop::begin_inline_run() {
  if (!parked_ || !turn_.try_lock()) return false;
  if (ran_inline_ || closed_) {  // several in a row without a wait: the loop's thread had better run them all at once
    turn_.unlock();
    return false;
  }
  borrower_ = std::this_thread::get_id();
  return true;
}

void SharedLoop::end_inline_run() {
  after_handlers_();
  ran_inline_ = true;
  return_turn(hand_over_callbacks());
}

/// Hands deferred callbacks over to the loop's own thread. Returns false if there are none.
bool SharedLoop::hand_over_callbacks() {
  if (!DeferredCallbacks::any()) return false;
  asio::post(context_, [callbacks = DeferredCallbacks::take()]() mutable { callbacks.give(); });
  return true;
}

void SharedLoop::help(FutureState const& state, Deadline deadline) noexcept {
  if (borrower_ == std::this_thread::get_id()) return;
  if (waits_to_skip_ > 0) {
    --waits_to_skip_;
    return;
  }
  if (!take_turn()) return;
  {
    PutOffCallbacks const put_off;
    auto last = Clock::now();
    while (!state.done() && !context_.stopped()) {
      std::size_t const handled = handle(Events::one);
      after_handlers_();
      if (DeferredCallbacks::any() || state.done()) break;
      auto const now = Clock::now();
      if (now > deadline) break;
      if (handled != 0) {
        last = now;
      } else {
        if (now - last > spin_time) break;
        sched_yield();
      }
    }
  }
  ran_inline_ = false;
  bool const wake_thread = hand_over_callbacks() || !state.done() || context_.stopped();
  backoff_ = wake_thread ? std::min(2 * backoff_ + 1, max_waits_to_skip) : 0;
  waits_to_skip_ = backoff_;
  return_turn(wake_thread);
}

}  // namespace farm::detail
