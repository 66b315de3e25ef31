#pragma once

#include <farm/detail/deadline.hpp>
#include <farm/detail/future_state.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace farm::detail {

/// Tells one waiting thread which of many states are done, in the order in which they end. States that are done at the
/// beginning come first. Only one thread at a time may call its functions.
class CompletionWatch {
 public:
  /// Starts to watch the states, each of which occurs once. The caller must keep a state alive until next() has
  /// returned its index or the watch is destroyed.
  explicit CompletionWatch(std::vector<FutureState*> states);
  CompletionWatch(CompletionWatch const&) = delete;
  CompletionWatch& operator=(CompletionWatch const&) = delete;
  ~CompletionWatch();

  /// Blocks until `count` states are done, until a state has ended with an error if `or_error`, or until the deadline.
  void wait_for(std::size_t count, bool or_error, Deadline deadline);

  /// Blocks until another state is done, and returns its index; none if the deadline passes first.
  [[nodiscard]] std::optional<std::size_t> next(Deadline deadline);

 private:
  struct Shared;
  class Node;

  Shared* shared_;
};

}  // namespace farm::detail
