#include <farm/detail/future_chain.hpp>

#include <unordered_set>

namespace farm::detail {

std::mutex& graph_mutex() {
  static auto& mutex = *new std::mutex;  // never destroyed: static objects may hold futures
  return mutex;
}

bool ChainState::follow(StatePtr source) {
  if (source.get() == this) return false;
  if (source->done()) return true;
  std::vector<StatePtr> found;  // outlives the lock: dropping the last reference to a state may run any code
  std::unordered_set<FutureState const*> seen;
  std::lock_guard lock{graph_mutex()};
  source->append_sources(found);
  for (std::size_t i = 0; i < found.size(); ++i) {
    auto const state = found[i];
    if (state.get() == this) return false;
    if (seen.insert(state.get()).second) state->append_sources(found);
  }
  source_ = std::move(source);
  return true;
}

void ChainState::source_done() noexcept {
  StatePtr source;
  std::lock_guard lock{graph_mutex()};
  std::swap(source, source_);
}

StatePtr ChainState::source() const {
  std::lock_guard lock{graph_mutex()};
  return source_;
}

void ChainState::append_sources(std::vector<StatePtr>& sources) const {
  if (source_) sources.push_back(source_);
}

bool ChainState::request_stop() noexcept {
  auto const followed = source();
  return followed && followed->cancel();
}

void ChainState::cancelled() noexcept {
  if (on_cancel_ == OnCancel::leave_source) return;
  if (auto const waited_for = source()) waited_for->cancel();
}

}  // namespace farm::detail
