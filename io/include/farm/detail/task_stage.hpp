#pragma once

#include <cstdint>
#include <string>

namespace farm::detail {

/// Returns the prefix of the names of all files that a group's tasks make: "g<group>-".
[[nodiscard]] std::string group_name(std::uint64_t group);

/// Marks the calling thread as running a task for as long as the object lives. The task's files are named after the
/// task: the same names on all ranks of its group, and different names in all other groups.
class TaskStage {
 public:
  /// `group` is a result of group_name() and must outlive this object.
  TaskStage(std::string const& group, std::uint64_t task, std::uint32_t attempt) noexcept;
  TaskStage(TaskStage const&) = delete;
  TaskStage& operator=(TaskStage const&) = delete;
  ~TaskStage();

  /// Returns the prefix of the names of all files of a task: "<group>t<task>-". Unfinished files have a dot before it.
  [[nodiscard]] static std::string prefix(std::string const& group, std::uint64_t task);
  /// Returns the prefix, attempt included, for the task that runs on this thread; empty if no task runs here.
  [[nodiscard]] static std::string prefix();
  /// Returns 1, 2, ...: how many times the task that runs on this thread has called this function with this key.
  [[nodiscard]] static std::uint64_t count(std::uint64_t key);
};

}  // namespace farm::detail
