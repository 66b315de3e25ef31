#pragma once

#include <farm/detail/deadline.hpp>
#include <farm/detail/future_state.hpp>

#include <cstddef>
#include <memory>
#include <optional>

namespace farm::detail {

/// Tells one waiting thread which states are done, in the order in which they end. States may be added at any time; use
/// a CompletionWatch if all are known at the beginning.
class CompletionQueue {
 public:
  CompletionQueue();

  /// Adds a state; next() returns `id` for it. Holds no reference to the state.
  void add(FutureState& state, std::size_t id);

  /// Blocks until a state is done that next() has not returned yet, and returns its id; none if the deadline passes
  /// first.
  [[nodiscard]] std::optional<std::size_t> next(Deadline deadline);

 private:
  struct Shared;
  class Node;

  std::shared_ptr<Shared> shared_;  // with the callbacks, which may outlive the queue
};

}  // namespace farm::detail
