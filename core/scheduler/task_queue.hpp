#pragma once

#include "core/task/task.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

namespace farm::detail {

/// The numbers of tasks of a scheduler, over all its queues.
struct TaskCounts {
  std::size_t queued = 0;
  std::size_t running = 0;  ///< sent to a group, whether or not the group has begun them
  std::uint64_t done = 0;
};

/// Returns true if a starts before b: by priority, then by order of submission.
[[nodiscard]] inline bool is_more_urgent(Task const& a, Task const& b) {
  return a.priority != b.priority ? a.priority > b.priority : a.id < b.id;
}

/// The queued tasks with one request, the most urgent first.
class TaskQueue {
 public:
  /// Constructs a queue that keeps `counts` up to date. They must outlive it.
  explicit TaskQueue(TaskCounts& counts) : counts_(&counts) {}

  /// The number of tasks, including cancelled ones that front() has not removed yet.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Returns the most urgent task; null if there is none. Removes the tasks before it that were cancelled meanwhile.
  [[nodiscard]] Task* front();
  /// Removes and returns the task that front() returned.
  [[nodiscard]] TaskPtr pop();
  /// Adds a task at its place in order of submission: the end for a new task, an earlier place for one that comes back
  /// or had to wait for its arguments.
  void push(TaskPtr task);

 private:
  /// The tasks of one priority. Tasks that come out of order are kept apart, so that each costs no more than the
  /// logarithm of their number, wherever its place is.
  struct Line {
    std::deque<TaskPtr> in_order;
    std::vector<TaskPtr> late;  ///< a heap: the task with the least id is the first

    [[nodiscard]] bool empty() const { return in_order.empty() && late.empty(); }
    /// Returns true if the first task of the line is in `late`.
    [[nodiscard]] bool starts_late() const {
      return !late.empty() && (in_order.empty() || late.front()->id < in_order.front()->id);
    }
    [[nodiscard]] Task& front() const { return starts_late() ? *late.front() : *in_order.front(); }
    [[nodiscard]] TaskPtr pop();
    void push(TaskPtr task);
  };

  TaskCounts* counts_;
  std::map<std::int32_t, Line, std::greater<>> lines_;  // by priority
  std::size_t size_ = 0;
};

}  // namespace farm::detail
