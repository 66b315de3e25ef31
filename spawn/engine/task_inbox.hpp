#pragma once

#include "core/task/task.hpp"

#include <farm/options.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace farm::detail {

/// The tasks that threads have submitted and the hub's thread has not taken yet, and those that wait for their
/// arguments. Keeps the queue limit of the pool. Thread-safe.
class TaskInbox : public std::enable_shared_from_this<TaskInbox> {
 public:
  explicit TaskInbox(QueueLimit limit) : limit_(limit) {}

  /// Adds a task that can be queued, and numbers it: Task::id is the number of tasks that entered before. Returns true
  /// if the inbox was empty: then the hub's thread is to be told. Blocks while the pool is full; throws QueueFull if it
  /// must not. Throws ShutdownError after close().
  [[nodiscard]] bool add(TaskPtr task, bool may_block);
  /// Adds a task that waits for its arguments; otherwise as add().
  void add_dependent(TaskPtr task, bool may_block);

  /// What the hub's thread is to do after a task has its arguments.
  struct Departure {
    bool inbox_was_empty = false;   ///< take the tasks
    bool last_after_close = false;  ///< no task waits for arguments any more, and close() was called
  };
  /// The dependent task has its arguments, and is to be queued, or it has ended. Does nothing the second time.
  Departure remove_dependent(TaskPtr const& task, bool is_to_be_queued);
  [[nodiscard]] bool has_dependents();

  /// Swaps `tasks`, which is empty, with the tasks that can be queued.
  void take(std::vector<TaskPtr>& tasks);
  /// Accepts no more tasks, and wakes threads that wait for room. Returns the tasks that wait for their arguments.
  [[nodiscard]] std::vector<TaskPtr> close();
  /// Returns when the first task was submitted.
  [[nodiscard]] std::optional<Clock::time_point> first_submission();

 private:
  void enter(std::unique_lock<std::mutex>& lock, Task& task, bool may_block);

  QueueLimit limit_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::uint64_t entered_ = 0;  ///< tasks so far
  std::size_t pending_ = 0;    ///< tasks that are not done, if there is a limit
  std::vector<TaskPtr> tasks_;
  std::unordered_map<Task const*, TaskPtr> dependents_;
  std::optional<Clock::time_point> first_submission_;
  bool closed_ = false;
};

}  // namespace farm::detail
