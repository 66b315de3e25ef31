#pragma once

#include <cstdint>
#include <string>

namespace farm::detail {

/// What the files of a group's tasks are called after.
[[nodiscard]] std::string group_name(std::uint64_t group);

/// While it lives, a task runs on this thread. The files that it makes are called after it: alike on all ranks of its
/// group, and on no others.
class TaskStage {
 public:
  /// `group` must outlive this.
  TaskStage(std::string const& group, std::uint64_t task, std::uint32_t attempt) noexcept;
  TaskStage(TaskStage const&) = delete;
  TaskStage& operator=(TaskStage const&) = delete;
  ~TaskStage();

  /// Of the names of all files that a task makes: "<group>t<task>-". While they are made there is a dot before it.
  [[nodiscard]] static std::string prefix(std::string const& group, std::uint64_t task);
  /// Of the task that runs on this thread, with its attempt; empty: there is none.
  [[nodiscard]] static std::string prefix();
  /// 1, 2, ...: how often this was asked for this key by the task that runs on this thread.
  [[nodiscard]] static std::uint64_t count(std::uint64_t key);
};

}  // namespace farm::detail
