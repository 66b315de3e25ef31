#pragma once

#include <farm/detail/deadline.hpp>

#include <memory>

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
};

/// Registers a helper that waiting threads consult before they block. The helper registered last is used; expired
/// helpers are ignored. Thread-safe.
void add_wait_helper(std::weak_ptr<WaitHelper> helper);

/// Lets the registered helper, if any, work until the state is done. FutureState::wait_until() calls it before it
/// blocks.
void help_while_waiting(FutureState const& state, Deadline deadline) noexcept;

}  // namespace farm::detail
