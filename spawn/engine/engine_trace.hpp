#pragma once

#include "core/scheduler/scheduler.hpp"
#include "spawn/group/group.hpp"
#include "spawn/trace/trace.hpp"

#include <string_view>
#include <vector>

namespace farm::detail {

/// What an engine tells the trace. Every function does nothing if this process has no trace, and then costs one
/// comparison.
class EngineTrace {
 public:
  EngineTrace() : trace_(Trace::current()), pool_(trace_ != nullptr ? trace_->add_pool() : 0) {}

  /// To be called before the task enters the inbox.
  void submitting(Task& task) const {
    if (trace_ != nullptr) task.make_rare().submitted = Clock::now();
  }
  /// To be called once the task has entered the inbox, which has numbered it.
  void submitted(Task& task) const {
    if (trace_ == nullptr) return;
    trace_->submitted();
    task.add_callback(Bookkeeping{[trace = trace_, pool = pool_, &task] { trace->ended(pool, task); }});
  }
  void starting(Group const& group) const {
    if (trace_ != nullptr) trace_->starting(group.id(), group.ranks());
  }
  void start_failed(GroupId group, std::string_view why) const {
    if (trace_ != nullptr) trace_->not_started(group, why);
  }
  void ready(Group const& group) const {
    if (trace_ != nullptr) trace_->ready(group.id(), hosts_of(group));
  }
  /// Also asks the ranks, by the header, to tell their times.
  void sent(GroupId group, Task const& task, TaskHeader& header) const {
    if (trace_ == nullptr) return;
    header.traced = 1;
    trace_->sent(group, pool_, task, header.attempt);
  }
  void answered(GroupId group, int rank, Frame const& frame) const {
    if (trace_ != nullptr) trace_->answered(group, rank, frame.id, frame.type == FrameType::error);
  }
  void times(GroupId group, int rank, Frame const& frame) const {
    if (trace_ != nullptr) trace_->times(group, rank, frame.id, unpack<TaskTimes>(frame.payload));
  }
  void recalled(GroupId group, std::vector<std::uint64_t> const& tasks) const {
    if (trace_ != nullptr) trace_->recalled(group, tasks);
  }
  void lost(GroupId group, std::string_view how) const {
    if (trace_ != nullptr) trace_->lost(group, how);
  }
  void gone(GroupId group) const {
    if (trace_ != nullptr) trace_->gone(group);
  }

 private:
  [[nodiscard]] static std::vector<std::string> hosts_of(Group const& group);

  Trace* trace_;  ///< null if this process has no trace
  int pool_;      ///< the number of this engine in the trace
};

}  // namespace farm::detail
