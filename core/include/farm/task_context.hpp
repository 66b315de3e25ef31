#pragma once

#include <cstdint>
#include <string_view>

namespace farm {

namespace detail {

/// The connection of a running task to its master.
class TaskLine {
 public:
  TaskLine() = default;
  TaskLine(TaskLine const&) = delete;
  TaskLine& operator=(TaskLine const&) = delete;
  virtual ~TaskLine() = default;
  /// Returns true once the master has asked the task to stop. Thread-safe.
  [[nodiscard]] virtual bool stop_requested() const noexcept = 0;
  /// Reports the part of the task that is done, from 0 to 1. Called on the thread that runs the task.
  virtual void set_progress(double done) = 0;
};

}  // namespace detail

/// What a task can find out about itself, and report to its master. A task's function gets it as a parameter of type
/// `farm::TaskContext&`, for which the caller gives no argument. It is valid during the call.
class TaskContext {
 public:
  /// Constructs the context of a task. For the library itself, and for tests of a task's function.
  TaskContext(std::uint64_t task, std::uint32_t attempt, int rank, int ranks, detail::TaskLine* line = nullptr) noexcept
      : task_(task), attempt_(attempt), rank_(rank), ranks_(ranks), line_(line) {}

  /// Returns the number of the task within its pool. Numbers count from 0 in order of submission.
  [[nodiscard]] std::uint64_t task() const noexcept { return task_; }
  /// Returns the number of this attempt to run the task. It is 1 at first, and grows each time the task runs again:
  /// after its group was lost, or after it threw and has retries left.
  [[nodiscard]] std::uint32_t attempt() const noexcept { return attempt_; }
  /// Returns the number of this rank within the group that runs the task, from 0.
  [[nodiscard]] int rank() const noexcept { return rank_; }
  /// Returns the number of ranks of the group.
  [[nodiscard]] int ranks() const noexcept { return ranks_; }

  /// Returns true once the task should stop: it was cancelled, has exceeded its time limit, or has failed on another
  /// rank. Anything that it returns or throws from then on is ignored, and ranks that do not return within the pool's
  /// grace are killed. Always false on ranks without a guard. Thread-safe; costs a few nanoseconds.
  [[nodiscard]] bool stop_requested() const noexcept { return line_ != nullptr && line_->stop_requested(); }

  /// Reports the part of the task that is done, from 0 to 1; Future::progress() returns it. Only rank 0's reports
  /// count, and a report within 50 ms of the last one may be dropped. Call it only on the thread that runs the task.
  void set_progress(double done) const {
    if (line_ != nullptr && rank_ == 0) line_->set_progress(done);
  }

  /// Prints a line on the master's stderr, marked with the task, its attempt and the rank.
  void log(std::string_view text) const;

 private:
  std::uint64_t task_;
  std::uint32_t attempt_;
  int rank_;
  int ranks_;
  detail::TaskLine* line_;
};

}  // namespace farm
