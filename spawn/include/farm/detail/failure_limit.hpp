#pragma once

#include <farm/detail/future_state.hpp>

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace farm::detail {

/// Counts the inputs of a map or batch that fail. Once there are so many as allowed, cancels all of its tasks that have
/// not started, with TooManyFailures. Thread-safe. Lives until the last of its tasks is done.
class FailureLimit : public std::enable_shared_from_this<FailureLimit> {
 public:
  /// `what` is "map" or "batch".
  FailureLimit(std::string what, std::int64_t max_fails) : what_(std::move(what)), max_fails_(max_fails) {}

  /// Watches a task. `in_parts` says that it is a chunk that collects errors. If the limit has been reached, cancels
  /// the task, unless it runs.
  void add(FutureState& task, std::int64_t inputs, bool in_parts);

  /// Returns the error of tasks that are not to start; null if the limit has not been reached.
  [[nodiscard]] std::exception_ptr error() const;

 private:
  void task_done(FutureState const& task, std::uint64_t number, std::int64_t inputs, bool in_parts);

  std::string const what_;
  std::int64_t const max_fails_;
  mutable std::mutex mutex_;  // guards what follows
  std::int64_t failed_ = 0;
  std::uint64_t added_ = 0;
  std::string first_;                       // the first failure
  std::exception_ptr error_;                // set once the limit has been reached
  std::map<std::uint64_t, StatePtr> open_;  // tasks that are not done, while the limit has not been reached
};

}  // namespace farm::detail
