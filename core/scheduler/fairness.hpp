#pragma once

#include "core/scheduler/request_class.hpp"

#include <map>

namespace farm::detail {

/// Keeps a steady flow of tasks of one class from starving a more urgent task of another class.
///
/// A task without a group of its class has to wait until enough of all that it needs is free at once. Less urgent tasks
/// of other classes may fill the gaps meanwhile, but only so many that hold what the task lacks. After that the waiting
/// request class is favored: nothing less urgent that holds what it lacks starts until the favored class has started a
/// group, or its queue is empty.
class Fairness {
 public:
  /// Notes that `task`, of request class `own`, starts: it overtakes the more urgent tasks of request classes without a
  /// group.
  void task_starts(Task const& task, RequestClass const& own, std::map<Request, RequestClass>& all) {
    for (auto& [request, kind] : all) {
      bool const has_group = kind.alive != 0 || kind.starting != 0;
      if (&kind == &own || kind.queue.size() == 0 || has_group) continue;
      if (kind.lacks == lack::nothing || holds_any(own.request, kind.lacks)) overtake(task, kind);
    }
  }
  /// Notes that a group of this request class starts, so that its tasks wait no more.
  void group_starts(RequestClass& kind);

  [[nodiscard]] bool favors(RequestClass const& kind) const { return favored_ == &kind; }
  /// Returns the favored request class if it is another one than `kind`, else null.
  [[nodiscard]] RequestClass* favored_over(RequestClass const& kind) {
    return favored_ != nullptr ? favored_with_tasks_over(kind) : nullptr;
  }

 private:
  void overtake(Task const& task, RequestClass& kind);
  [[nodiscard]] RequestClass* favored_with_tasks_over(RequestClass const& kind);

  RequestClass* favored_ = nullptr;
};

}  // namespace farm::detail
