#include "core/future/state_set.hpp"

#include <farm/detail/future_chain.hpp>
#include <farm/detail/future_state.hpp>

#include <cstddef>
#include <mutex>
#include <vector>

namespace farm::detail {
namespace {

/// Returns the states that `state` waits for, directly and indirectly, each once; those that are nearer come first.
std::vector<StatePtr> all_sources(FutureState const& state) {
  std::vector<StatePtr> found;
  StateSet known;
  known.insert(&state);
  std::scoped_lock const lock{graph_mutex()};
  std::vector<StatePtr> next;
  state.append_sources(next);
  while (!next.empty()) {
    std::vector<StatePtr> further;
    for (auto const& each : next) {
      if (!known.insert(each.get())) continue;
      found.push_back(each);
      each->append_sources(further);
    }
    next.swap(further);
  }
  return found;
}

}  // namespace

bool FutureState::cancel_with_sources() {
  auto const sources = all_sources(*this);  // now, because a cancelled state forgets them
  StateSet chosen;
  chosen.insert(this);
  for (bool is_new = true; is_new;) {  // a source may be nearer than a state that waits for it, too
    is_new = false;
    for (auto const& each : sources) {
      if (chosen.contains(each.get()) || each->done() || each->is_needed_besides(chosen)) continue;
      chosen.insert(each.get());
      is_new = true;
    }
  }
  bool const is_cancelled = cancel();
  if (!is_cancelled) return false;
  for (auto const& each : sources) {
    if (chosen.contains(each.get())) each->cancel();
  }
  return true;
}

}  // namespace farm::detail
