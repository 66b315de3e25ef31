#include "core/scheduler/task_queue.hpp"

#include <algorithm>
#include <utility>

namespace farm::detail {

Task* TaskQueue::front() {
  while (!tasks_.empty()) {
    auto& line = tasks_.begin()->second;
    if (line.empty()) {
      tasks_.erase(tasks_.begin());
    } else if (line.front()->done()) {
      static_cast<void>(pop());
      ++counts_->done;
    } else {
      return line.front().get();
    }
  }
  return nullptr;
}

TaskPtr TaskQueue::pop() {
  auto& line = tasks_.begin()->second;
  TaskPtr task = std::move(line.front());
  line.pop_front();
  if (line.size() > tasks_prefetched) prefetch(line[tasks_prefetched].get());
  --size_;
  --counts_->queued;
  return task;
}

void TaskQueue::push(TaskPtr task) {
  auto& line = tasks_[task->priority];
  if (line.empty() || line.back()->id < task->id) {
    line.push_back(std::move(task));
  } else {
    auto const after = std::lower_bound(line.begin(), line.end(), task->id,
                                        [](TaskPtr const& queued, std::uint64_t id) { return queued->id < id; });
    line.insert(after, std::move(task));
  }
  ++size_;
  ++counts_->queued;
}

}  // namespace farm::detail
