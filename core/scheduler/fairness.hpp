#pragma once

#include "core/scheduler/size_class.hpp"

#include <map>

namespace farm::detail {

/// Keeps a steady flow of tasks of one size from starving a more urgent task of another size.
///
/// A task without a group of its size has to wait until enough ranks are free at once. Less urgent tasks of other sizes
/// may fill the gaps meanwhile, but only so many. After that the waiting size class is favored: nothing less urgent
/// starts until the favored class has started a group, or its queue is empty.
class Fairness {
 public:
  /// Notes that `task`, of size class `own`, starts: it overtakes the more urgent tasks of size classes without a
  /// group.
  void task_starts(Task const& task, SizeClass const& own, std::map<int, SizeClass>& all) {
    for (auto& [ranks, size] : all) {
      bool const has_group = size.alive != 0 || size.starting != 0;
      if (&size != &own && size.queue.size() != 0 && !has_group) overtake(task, size);
    }
  }
  /// Notes that a group of this size class starts, so that its tasks wait no more.
  void group_starts(SizeClass& size);

  [[nodiscard]] bool favors(SizeClass const& size) const { return favored_ == &size; }
  /// Returns the favored size class if it is another one than `size`, else null.
  [[nodiscard]] SizeClass* favored_over(SizeClass const& size) {
    return favored_ != nullptr ? favored_with_tasks_over(size) : nullptr;
  }

 private:
  void overtake(Task const& task, SizeClass& size);
  [[nodiscard]] SizeClass* favored_with_tasks_over(SizeClass const& size);

  SizeClass* favored_ = nullptr;
};

}  // namespace farm::detail
