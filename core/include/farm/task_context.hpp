#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <typeinfo>

namespace farm {

namespace detail {

/// Between a running task and its master.
class TaskLine {
 public:
  TaskLine() = default;
  TaskLine(TaskLine const&) = delete;
  TaskLine& operator=(TaskLine const&) = delete;
  virtual ~TaskLine() = default;
  [[nodiscard]] virtual bool stop_requested() const noexcept = 0;
  virtual void set_progress(double done) = 0;
};

}  // namespace detail

/// What a task may know of itself: a parameter `farm::TaskContext&` of the task's function is bound to it, and is valid
/// during the call.
class TaskContext {
 public:
  TaskContext(std::uint64_t task, std::uint32_t attempt, int rank, int ranks, detail::TaskLine* line = nullptr) noexcept
      : task_(task), attempt_(attempt), rank_(rank), ranks_(ranks), line_(line) {}

  /// Number of the task within its pool, from 0 in order of submission.
  [[nodiscard]] std::uint64_t task() const noexcept { return task_; }
  /// 1 at first; more where the task's group was lost, or it threw and may be retried, and it runs again.
  [[nodiscard]] std::uint32_t attempt() const noexcept { return attempt_; }
  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int ranks() const noexcept { return ranks_; }

  /// True once the task is to stop: it was cancelled, has exceeded its time limit, or has failed on another rank. What
  /// it returns or throws from then on is ignored; ranks that do not return within the pool's grace are killed. Costs a
  /// few nanoseconds; thread-safe. Always false on ranks without a guard.
  [[nodiscard]] bool stop_requested() const noexcept { return line_ != nullptr && line_->stop_requested(); }

  /// Tells how much is done, 0 to 1, which Future::progress() gives. Of rank 0's only; what comes within 50 ms of the
  /// last may be dropped. Only on the thread that runs the task.
  void set_progress(double done) const {
    if (line_ != nullptr && rank_ == 0) line_->set_progress(done);
  }

  /// A line on the master's stderr, marked with the task, its attempt and the rank.
  void log(std::string_view text) const;

 private:
  std::uint64_t task_;
  std::uint32_t attempt_;
  int rank_;
  int ranks_;
  detail::TaskLine* line_;
};

namespace detail {

/// What an initializer returned, kept on its rank.
struct Kept {
  std::shared_ptr<void> value{};
  std::type_info const* type = nullptr;
};

/// What the parameters of a task that are not arguments are bound to, on the rank that runs it.
struct RankContext {
  TaskContext* context = nullptr;
  void const* comm = nullptr;  ///< a farm::Comm, which core does not know
  Kept* kept = nullptr;
  void* stage = nullptr;  ///< a Staging, which core does not know
};

/// Specialized for each type of parameter that is bound by the farm and not given by the caller, with
/// `static T& bind(Environment&)` (or by value) and `bound = true`.
template <class T>
struct Binder {
  static constexpr bool bound = false;
};

template <>
struct Binder<TaskContext> {
  static constexpr bool bound = true;
  static TaskContext& bind(RankContext& environment) { return *environment.context; }
};

}  // namespace detail
}  // namespace farm
