#include "spawn/engine/task_inbox.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <utility>

namespace farm::detail {

bool TaskInbox::add(TaskPtr task, bool may_block) {
  std::unique_lock lock{mutex_};
  enter(lock, *task, may_block);
  bool const was_empty = tasks_.empty();
  tasks_.push_back(std::move(task));
  return was_empty;
}

void TaskInbox::add_dependent(TaskPtr task, bool may_block) {
  std::unique_lock lock{mutex_};
  enter(lock, *task, may_block);
  auto const* const key = task.get();
  dependents_[key] = std::move(task);
}

/// Waits until the pool may have one more task, which counts from now until it is done. Numbers the task.
void TaskInbox::enter(std::unique_lock<std::mutex>& lock, Task& task, bool may_block) {
  if (limit_.tasks != 0 && pending_ >= limit_.tasks && !closed_) {
    if (limit_.when_full == WhenFull::refuse || !may_block)
      throw QueueFull(fmt::format("the pool has {} tasks, which is its queue_limit", pending_));
    room_.wait(lock, [&] { return pending_ < limit_.tasks || closed_; });
  }
  if (closed_) throw ShutdownError("the pool was shut down: it takes no more tasks");
  task.id = entered_++;
  if (!first_submission_) first_submission_ = Clock::now();
  if (limit_.tasks == 0) return;
  ++pending_;
  task.add_callback(Bookkeeping{[self = shared_from_this()] {
    std::scoped_lock const inner{self->mutex_};
    --self->pending_;
    self->room_.notify_one();
  }});
}

TaskInbox::Departure TaskInbox::remove_dependent(TaskPtr const& task, bool is_to_be_queued) {
  std::scoped_lock const lock{mutex_};
  if (dependents_.erase(task.get()) == 0) return {};
  Departure const departure{.inbox_was_empty = is_to_be_queued && tasks_.empty(),
                            .last_after_close = closed_ && dependents_.empty()};
  if (is_to_be_queued) tasks_.push_back(task);
  return departure;
}

bool TaskInbox::has_dependents() {
  std::scoped_lock const lock{mutex_};
  return !dependents_.empty();
}

void TaskInbox::take(std::vector<TaskPtr>& tasks) {
  std::scoped_lock const lock{mutex_};
  tasks.swap(tasks_);
}

std::vector<TaskPtr> TaskInbox::close() {
  std::scoped_lock const lock{mutex_};
  closed_ = true;
  room_.notify_all();
  std::vector<TaskPtr> dependents;
  dependents.reserve(dependents_.size());
  for (auto const& [key, task] : dependents_) dependents.push_back(task);
  return dependents;
}

std::optional<Clock::time_point> TaskInbox::first_submission() {
  std::scoped_lock const lock{mutex_};
  return first_submission_;
}

}  // namespace farm::detail
