#include "core/scheduler/task_queue.hpp"

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

/// The order of a heap whose first task has the least id.
bool comes_later(TaskPtr const& a, TaskPtr const& b) { return a->id > b->id; }

}  // namespace

TaskPtr TaskQueue::Line::pop() {
  TaskPtr task;
  if (starts_late()) {
    std::pop_heap(late.begin(), late.end(), comes_later);
    task = std::move(late.back());
    late.pop_back();
  } else {
    task = std::move(in_order.front());
    in_order.pop_front();
    if (in_order.size() > tasks_prefetched) prefetch(in_order[tasks_prefetched].get());
  }
  return task;
}

void TaskQueue::Line::push(TaskPtr task) {
  if (in_order.empty() || in_order.back()->id < task->id) {
    in_order.push_back(std::move(task));
  } else {
    late.push_back(std::move(task));
    std::push_heap(late.begin(), late.end(), comes_later);
  }
}

Task* TaskQueue::front() {
  while (!lines_.empty()) {
    auto& line = lines_.begin()->second;
    if (line.empty()) {
      lines_.erase(lines_.begin());
    } else if (line.front().done()) {
      static_cast<void>(pop());
      ++counts_->done;
    } else {
      return &line.front();
    }
  }
  return nullptr;
}

TaskPtr TaskQueue::pop() {
  auto task = lines_.begin()->second.pop();
  --size_;
  --counts_->queued;
  return task;
}

void TaskQueue::push(TaskPtr task) {
  auto& line = lines_[task->priority];
  line.push(std::move(task));
  ++size_;
  ++counts_->queued;
}

}  // namespace farm::detail
