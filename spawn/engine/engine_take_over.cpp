// The part of the engine that takes groups over from an earlier master, and leaves its own to the next one.
#include "spawn/engine/engine_core.hpp"
#include "spawn/hub/hub.hpp"

#include <utility>

namespace farm::detail {

StatePtr EngineCore::prepare(TaskPtr task) {
  StatePtr state{task};
  trace_.submitting(*task);
  trace_.submitted(*task);
  return state;
}

void EngineCore::take_over(std::vector<GroupRecord> /*records*/, FindTasks /*find*/, OnResolved resolved) {
  hub_.post([resolved = std::move(resolved)] { resolved({}); });
}

void EngineCore::confirm(std::vector<StatePtr> /*tasks*/) {}

}  // namespace farm::detail
