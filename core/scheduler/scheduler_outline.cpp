#include "core/scheduler/scheduler.hpp"

namespace farm::detail {

std::vector<GroupOutline> Scheduler::outlines() {
  std::vector<GroupOutline> outlines;
  outlines.reserve(groups_.size());
  for (auto& [id, group] : groups_) {
    GroupOutline outline{
        .id = id, .is_leaving = group.state != Group::State::ready, .since = {}, .answered = group.tasks_answered};
    if (!group.in_flight.empty()) {
      auto const& task = *group.in_flight.front().task;
      outline.is_running = true;
      outline.tag = task.rare ? task.rare->tag : 0;
      outline.attempt = task.attempt();
      outline.progress = task.told_progress;
      outline.since = group.front_since;
    }
    outlines.push_back(outline);
  }
  return outlines;
}

}  // namespace farm::detail
