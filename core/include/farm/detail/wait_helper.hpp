#pragma once

#include <farm/detail/deadline.hpp>

#include <memory>

namespace farm::detail {

class FutureState;

/// Who completes states, and lets threads that wait for them do the work instead: that spares waking two threads.
class WaitHelper {
 public:
  WaitHelper() = default;
  WaitHelper(WaitHelper const&) = delete;
  WaitHelper& operator=(WaitHelper const&) = delete;
  virtual ~WaitHelper() = default;

  /// On a thread that is about to block until the state is done: works until it is, or until there is better reason to
  /// block. No callback of a future runs in it. Thread-safe.
  virtual void help(FutureState const& state, Deadline deadline) noexcept = 0;
};

/// From now on threads that wait ask it first; where there are several, the latest. It need not be told of its end.
void add_wait_helper(std::weak_ptr<WaitHelper> helper);

/// What FutureState::wait_until() does before it blocks.
void help_while_waiting(FutureState const& state, Deadline deadline) noexcept;

}  // namespace farm::detail
