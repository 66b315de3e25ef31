#pragma once

#include <farm/detail/deadline.hpp>

#include <functional>
#include <memory>
#include <mutex>

namespace farm::detail {

class FutureState;

/// An event loop that completes states, and that lets a thread that waits for a state run the loop itself. This saves
/// waking two threads for each task.
class WaitHelper {
 public:
  WaitHelper() = default;
  WaitHelper(WaitHelper const&) = delete;
  WaitHelper& operator=(WaitHelper const&) = delete;
  virtual ~WaitHelper() = default;

  /// Called on a thread that is about to block until the state is done. Works until the state is done or the deadline
  /// has passed, or returns earlier if the thread should block instead. Runs no callback of a future. Thread-safe.
  virtual void help(FutureState const& state, Deadline deadline) noexcept = 0;

  /// Called on the loop's own thread, inside a callback of a future: runs the loop until ready() returns true or the
  /// deadline has passed. Throws UsageError if callbacks that wait are nested too deeply.
  virtual void run_until(std::function<bool()> const& ready, Deadline deadline) = 0;
  /// Makes run_until() call ready() again. Thread-safe.
  virtual void check_again() noexcept = 0;
  [[nodiscard]] virtual std::shared_ptr<WaitHelper> shared() = 0;
};

/// Returns the loop whose own thread the calling thread is; null for all other threads. Such a thread must not block
/// for a state: it calls run_until() instead.
[[nodiscard]] WaitHelper* own_loop() noexcept;
void set_own_loop(WaitHelper* loop) noexcept;

/// Waits for ready() on the thread of `loop`, with `lock` held on `mutex`, which guards what ready() reads and
/// `waiting`: as long as that is set, whoever makes ready() true calls its check_again() with the mutex locked.
template <class Ready>
void wait_on_loop(WaitHelper& loop, std::unique_lock<std::mutex>& lock, std::mutex& mutex, WaitHelper*& waiting,
                  Ready const& ready, Deadline deadline) {
  waiting = &loop;
  lock.unlock();
  auto const checked = [&] {
    std::scoped_lock const inner{mutex};
    return ready();
  };
  try {
    loop.run_until(checked, deadline);
  } catch (...) {
    lock.lock();
    waiting = nullptr;
    throw;
  }
  lock.lock();
  waiting = nullptr;
}

/// Registers a helper that waiting threads consult before they block. The helper registered last is used; expired
/// helpers are ignored. Thread-safe.
void add_wait_helper(std::weak_ptr<WaitHelper> helper);

/// Lets the registered helper, if any, work until the state is done. FutureState::wait_until() calls it before it
/// blocks.
void help_while_waiting(FutureState const& state, Deadline deadline) noexcept;

}  // namespace farm::detail
