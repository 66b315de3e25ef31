#pragma once

#include <farm/detail/deadline.hpp>
#include <farm/detail/future_state.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace farm::detail {

/// Tells one waiting thread which of many states are done, in the order in which they end; those that were done already
/// come first. Its functions are for one thread at a time.
class CompletionWatch {
 public:
  /// Each state occurs once, and the caller keeps it alive for as long as next() has not given it and the watch exists.
  explicit CompletionWatch(std::vector<FutureState*> states);
  CompletionWatch(CompletionWatch const&) = delete;
  CompletionWatch& operator=(CompletionWatch const&) = delete;
  ~CompletionWatch();

  /// Blocks until `count` states are done, or one has ended with an error where `or_error`, or until the deadline.
  void wait_for(std::size_t count, bool or_error, Deadline deadline);

  /// The index of the next one that is done. Blocks until there is one, or until the deadline: none.
  [[nodiscard]] std::optional<std::size_t> next(Deadline deadline);

 private:
  struct Shared;
  class Node;

  Shared* shared_;
};

}  // namespace farm::detail
