#pragma once

#include <farm/detail/future_state.hpp>

#include <unordered_set>

namespace farm::detail {

/// States that are cancelled together.
class StateSet {
 public:
  /// Adds a state. Returns false if it is in the set already.
  bool insert(FutureState const* state) { return states_.insert(state).second; }
  [[nodiscard]] bool contains(FutureState const* state) const { return states_.contains(state); }

 private:
  std::unordered_set<FutureState const*> states_;
};

}  // namespace farm::detail
