#pragma once

#include "core/resources/request.hpp"
#include "core/task/frame.hpp"
#include "core/task/task.hpp"

#include <cstdint>

namespace farm::detail {

using GroupId = std::uint64_t;

/// What the scheduler requests of the world around it. The scheduler calls these functions from inside its own
/// functions; an implementation must answer later, never from inside the call.
class SchedulerPort {
 public:
  SchedulerPort() = default;
  SchedulerPort(SchedulerPort const&) = delete;
  SchedulerPort& operator=(SchedulerPort const&) = delete;
  virtual ~SchedulerPort() = default;
  /// Starts a group for such tasks. Answered by group_ready() or start_failed().
  virtual void start_group(Request const& request) = 0;
  /// Withdraws one call of start_group() with this request, if the start of such a group has not begun. Returns true if
  /// a call was withdrawn: it is then never answered.
  virtual bool withdraw_start(Request const& request) = 0;
  /// Sends a task to each rank of a group. Throws if the task cannot be sent; then no rank gets any part of it.
  virtual void send_task(GroupId group, Task const& task, TaskHeader header) = 0;
  /// Asks the ranks of a group to stop the task that they run. `index` is the number of the task among those that the
  /// group was sent, from 0.
  virtual void stop_task(GroupId group, std::uint64_t index) = 0;
  /// Returns true if recall_tasks() works for this group, which is ready.
  [[nodiscard]] virtual bool can_recall(GroupId /*group*/) { return false; }
  /// Asks a group of one rank to give back those of the first `end` tasks sent to it that it has not begun. Answered by
  /// recalled().
  virtual void recall_tasks(GroupId /*group*/, std::uint64_t /*end*/) {}
  /// Kills the ranks of a group. Answered by group_gone().
  virtual void end_group(GroupId group) = 0;
  /// Lets the ranks of a group leave in order. Answered by group_gone().
  virtual void release_group(GroupId group) = 0;
  /// Tells that the group will never answer this task. Files that it staged for the task may be deleted after
  /// group_gone().
  virtual void will_not_answer(GroupId /*group*/, std::uint64_t /*task*/) {}
  /// Tells, after shutdown(), that all tasks are done and all groups are gone.
  virtual void drained() = 0;
  /// Returns the time. Called only if a time limit is involved.
  virtual Clock::time_point now() = 0;
  /// Returns the time to within some milliseconds, at next to no cost.
  virtual Clock::time_point roughly_now() = 0;
};

}  // namespace farm::detail
