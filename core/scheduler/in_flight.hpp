#pragma once

#include "core/task/task.hpp"

#include <farm/serialize.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace farm::detail {

/// A task that was sent to a group, and the answers of its ranks so far.
struct InFlightTask {
  enum class State : std::uint8_t {
    running,   ///< No rank has thrown. The answers make the value of the future.
    failed,    ///< A rank has thrown, and the future has its error. Further answers are only counted.
    retrying,  ///< A rank has thrown. The task is queued again when all ranks have answered or the group has ended.
    stopping,  ///< The task was cancelled or has exceeded its time limit. Further answers are only counted.
  };

  TaskPtr task;
  std::uint64_t id = 0;      ///< a copy of task->id, because the task may be far away in memory
  std::uint64_t number = 0;  ///< among the tasks that the group was sent, from 0
  int answers_left = 0;
  std::uint16_t comm_slot = 0;
  bool all_ranks = false;  ///< a copy of task->all_ranks
  bool used_comm = false;  ///< A rank has taken its MPI_Comm, so messages may be left there.
  State state = State::running;
  bool stop_sent = false;  ///< The ranks were asked to stop; the group is ended after the grace.
  /// The values of all ranks, if all are wanted; or rank 0's value, while other ranks have yet to answer.
  std::vector<Bytes> values;
};

/// The tasks in flight on a group, first in, first out. Of thousands of groups most have one task in flight, which
/// takes one piece of memory.
class InFlightTasks {
 public:
  using Iterator = std::vector<InFlightTask>::iterator;

  [[nodiscard]] bool empty() const { return first_ == tasks_.size(); }
  [[nodiscard]] std::size_t size() const { return tasks_.size() - first_; }
  [[nodiscard]] InFlightTask& operator[](std::size_t index) { return tasks_[first_ + index]; }
  [[nodiscard]] InFlightTask& front() { return tasks_[first_]; }
  [[nodiscard]] Iterator begin() { return tasks_.begin() + static_cast<std::ptrdiff_t>(first_); }
  [[nodiscard]] Iterator end() { return tasks_.end(); }
  InFlightTask& emplace_back() { return tasks_.emplace_back(); }
  /// Removes the first task, whose TaskPtr was moved out.
  void pop_front() {
    if (++first_ == tasks_.size()) {
      tasks_.clear();
      first_ = 0;
    } else if (first_ == most_popped) {
      remove_popped();
    }
  }
  void erase(Iterator begin, Iterator end) { tasks_.erase(begin, end); }

 private:
  static constexpr std::size_t most_popped = 64;

  void remove_popped();

  std::vector<InFlightTask> tasks_;
  std::size_t first_ = 0;  // the entries before it were popped
};

}  // namespace farm::detail
