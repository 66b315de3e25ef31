#pragma once

#include <farm/detail/deadline.hpp>
#include <farm/detail/future_state.hpp>

#include <cstddef>
#include <memory>
#include <optional>

namespace farm::detail {

/// Tells one waiting thread which states are done, in the order in which they end, while further ones are added. A
/// CompletionWatch is for those that are known at the beginning.
class CompletionQueue {
 public:
  CompletionQueue();

  /// `id` is what next() gives for it. Holds no reference to the state.
  void add(FutureState& state, std::size_t id);

  /// Blocks until one is done that was not given yet; none at the deadline.
  [[nodiscard]] std::optional<std::size_t> next(Deadline deadline);

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;  // with the callbacks, which may come late
};

}  // namespace farm::detail
