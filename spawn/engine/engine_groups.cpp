#include "spawn/engine/engine_core.hpp"
#include "spawn/hub/hub.hpp"

#include <algorithm>
#include <future>
#include <unordered_map>

namespace farm::detail {

std::vector<GroupView> EngineCore::groups() {
  if (hub_.on_thread() || status_.is_drained()) return {};
  std::promise<std::vector<GroupView>> promise;
  hub_.post([&] {
    std::unordered_map<GroupId, GroupOutline> outlines;
    for (auto const& each : scheduler_.outlines()) outlines.emplace(each.id, each);
    std::vector<GroupView> views;
    views.reserve(groups_.size());
    for (auto const& [id, group] : groups_) {
      GroupView view{.group = id, .ranks = group->ranks()};
      for (int rank = 0; rank < group->ranks(); ++rank) view.hosts.push_back(group->host(rank));
      if (auto const found = outlines.find(id); found != outlines.end()) {
        auto const& outline = found->second;
        view.state = outline.is_leaving   ? GroupView::State::leaving
                     : outline.is_running ? GroupView::State::running
                                          : GroupView::State::idle;
        view.tag = outline.tag;
        view.attempt = outline.attempt;
        view.progress = outline.progress;
        view.since = outline.since;
        view.tasks = outline.answered;
      } else if (group->is_leaving()) {
        view.state = GroupView::State::leaving;
      }
      views.push_back(std::move(view));
    }
    promise.set_value(std::move(views));
  });
  auto views = promise.get_future().get();
  std::sort(views.begin(), views.end(), [](GroupView const& a, GroupView const& b) { return a.group < b.group; });
  return views;
}

}  // namespace farm::detail
