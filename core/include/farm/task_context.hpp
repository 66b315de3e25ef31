#pragma once

#include <cstdint>
#include <memory>
#include <typeinfo>

namespace farm {

/// What a task may know of itself: a parameter `farm::TaskContext&` of the task's function is bound to it, and is valid
/// during the call.
class TaskContext {
 public:
  TaskContext(std::uint64_t task, std::uint32_t attempt, int rank, int ranks) noexcept
      : task_(task), attempt_(attempt), rank_(rank), ranks_(ranks) {}

  /// Number of the task within its pool, from 0 in order of submission.
  [[nodiscard]] std::uint64_t task() const noexcept { return task_; }
  /// 1 at first; more where the task's group was lost and it runs again.
  [[nodiscard]] std::uint32_t attempt() const noexcept { return attempt_; }
  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int ranks() const noexcept { return ranks_; }

 private:
  std::uint64_t task_;
  std::uint32_t attempt_;
  int rank_;
  int ranks_;
};

namespace detail {

/// What an initializer returned, kept on its rank.
struct Kept {
  std::shared_ptr<void> value{};
  std::type_info const* type = nullptr;
};

/// What the parameters of a task that are not arguments are bound to, on the rank that runs it.
struct Environment {
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
  static TaskContext& bind(Environment& environment) { return *environment.context; }
};

}  // namespace detail
}  // namespace farm
