#include "spawn/wire/shared_loop.hpp"

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

/// After something happened the next is looked for rather than waited for, since being woken takes longer (45 us in a
/// virtual machine) than most answers to small tasks.
constexpr auto spin_time = 50us;
/// How long the loop may be left alone by a guest that goes and comes.
constexpr auto park_time = 200us;
/// The loop's thread looks for guests between handlers.
constexpr auto wish_time = 20us;
constexpr int most_waits_to_skip = 255;
/// After so many sleeps that were longer than a look would have been, the loop sleeps without looking: it would keep
/// the core from the rank that it has just sent a task.
constexpr int most_vain_looks = 4;

/// Asking the context takes a system call: while the lookout has something, that is done now and then.
constexpr int most_looks = 16;

/// This thread runs for some microseconds at a time. Where it says so, Linux (6.12 and later) lets it do so at once
/// when it is woken, and not when the rank that computes on that core has had its 3 ms.
void ask_for_short_slices() {
  if (sched_getscheduler(0) != SCHED_OTHER || getpriority(PRIO_PROCESS, 0) < 0) return;  // somebody wanted it otherwise
  struct Wish {  // sched_attr, whose header cannot be included beside <sched.h>
    std::uint32_t size = sizeof(Wish);
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 1;  // SCHED_FLAG_RESET_ON_FORK: not for launchers and their ranks
    std::int32_t nice = getpriority(PRIO_PROCESS, 0);
    std::uint32_t priority = 0;
    std::uint64_t nanoseconds = 100'000;  // the least there is
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
  } const wish;
  syscall(SYS_sched_setattr, 0, &wish, 0);
}

}  // namespace

void SharedLoop::run() {
  ask_for_short_slices();
  std::unique_lock turn{turn_};
  int vain_looks = 0;
  for (;;) {
    can_give_ = false;
    auto const asleep = Clock::now();
    sleep();
    can_give_ = true;
    auto last = Clock::now();
    vain_looks = last - asleep < spin_time ? 0 : std::min(vain_looks + 1, most_vain_looks);
    auto const limit = vain_looks < most_vain_looks ? Clock::duration{spin_time} : Clock::duration{0};
    std::size_t handled = 0;
    do {
      handled = handle(Events::all);
      after_handlers_();
      run_deferred_callbacks();
      if (context_.stopped()) {
        closed_ = true;
        return;
      }
      if (wishes_ != 0) {
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

void SharedLoop::sleep() {
  if (lookout_ != nullptr && !lookout_->fall_asleep()) return;
  context_.run_one();
  if (lookout_ != nullptr) lookout_->wake_up();
}

std::size_t SharedLoop::handle(Events events) {
  bool const any = lookout_ != nullptr && lookout_->look();
  if (any && ++looks_ < most_looks) return 1;
  looks_ = 0;
  return (events == Events::one ? context_.poll_one() : context_.poll()) + (any ? 1 : 0);
}

void SharedLoop::park(std::unique_lock<std::mutex>& turn) {
  turn.unlock();
  {
    std::unique_lock lock{parking_};
    parked_ = true;
    wanted_ = false;
    do {
      guest_came_ = false;
      woken_.wait_for(lock, park_time, [this] { return wanted_; });
    } while (!wanted_ && (guest_came_ || wishes_ != 0 || guest_ != std::thread::id{}));
    wanted_ = false;
    parked_ = false;
  }
  turn.lock();
  errand_run_ = false;
}

void SharedLoop::wake() {
  {
    std::scoped_lock const lock{parking_};
    wanted_ = true;
  }
  woken_.notify_one();
}

void SharedLoop::posted() {
  if (!parked_) return;
  if (guest_ == std::this_thread::get_id()) {
    guest_posted_ = true;
  } else {
    wake();
  }
}

bool SharedLoop::take_turn() {
  if (!can_give_) return false;
  bool taken = turn_.try_lock();
  if (!taken) {
    ++wishes_;
    auto const limit = Clock::now() + wish_time;
    do {
      sched_yield();
      taken = turn_.try_lock();
    } while (!taken && can_give_ && Clock::now() < limit);
    --wishes_;
  }
  if (taken && closed_) {
    turn_.unlock();
    return false;
  }
  if (taken) guest_ = std::this_thread::get_id();
  return taken;
}

void SharedLoop::give_back_turn(bool wake_thread) {
  guest_came_ = true;
  bool const posted_something = std::exchange(guest_posted_, false);
  guest_ = std::thread::id{};
  turn_.unlock();
  if (wake_thread || posted_something) wake();
}

bool SharedLoop::begin_errand() {
  if (!parked_ || !turn_.try_lock()) return false;
  if (errand_run_ || closed_) {  // one after the other without a wait: better all at once, by the loop's thread
    turn_.unlock();
    return false;
  }
  guest_ = std::this_thread::get_id();
  return true;
}

void SharedLoop::end_errand() {
  after_handlers_();
  errand_run_ = true;
  give_back_turn(hand_over_callbacks());
}

/// To the loop's own thread. False: there are none.
bool SharedLoop::hand_over_callbacks() {
  if (!DeferredCallbacks::any()) return false;
  asio::post(context_, [callbacks = DeferredCallbacks::take()]() mutable { callbacks.give(); });
  return true;
}

void SharedLoop::help(FutureState const& state, Deadline deadline) noexcept {
  if (guest_ == std::this_thread::get_id()) return;
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
  errand_run_ = false;
  bool const wake_thread = hand_over_callbacks() || !state.done() || context_.stopped();
  vain_ = wake_thread ? std::min(2 * vain_ + 1, most_waits_to_skip) : 0;
  waits_to_skip_ = vain_;
  give_back_turn(wake_thread);
}

}  // namespace farm::detail
