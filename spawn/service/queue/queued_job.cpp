#include "spawn/service/queue/queued_job.hpp"

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

/// Returns how often a task in this state has started, unless the job knows better.
std::uint32_t usual_attempts(TaskState state) {
  return state == TaskState::finished || state == TaskState::failed ? 1 : 0;
}

}  // namespace

QueuedJob::QueuedJob(StoredJob const& stored, std::vector<TaskSpec> const& tasks)
    : held(stored.held),
      priority(stored.priority),
      submitted(stored.submitted),
      number_(stored.number),
      spec_(std::make_shared<JobSpec const>(stored.spec)),
      states_(stored.tasks, static_cast<std::uint8_t>(TaskState::waiting)) {
  counts_[static_cast<std::size_t>(TaskState::waiting)] = states_.size();
  link(tasks);
}

QueuedJob::QueuedJob(LoadedJob const& loaded) : QueuedJob(loaded.job, {}) {
  ended = loaded.last_ended;
  counts_ = {};
  for (std::size_t task = 0; task < states_.size(); ++task) {
    auto const state = task < loaded.states.size() ? loaded.states[task] : TaskState::waiting;
    states_[task] = static_cast<std::uint8_t>(state);
    ++counts_[static_cast<std::size_t>(state)];
    if (state == TaskState::failed && !first_failed) first_failed = task;
  }
  for (auto const& [task, attempts] : loaded.attempts) set_attempts(task, attempts);
  link(loaded.tasks);
}

/// Keeps the kinds and needs of the tasks of a list. Tasks whose needs have not finished are blocked.
void QueuedJob::link(std::vector<TaskSpec> const& tasks) {
  bool const has_kinds = std::any_of(tasks.begin(), tasks.end(), [](TaskSpec const& each) { return each.kind != 0; });
  bool const has_needs =
      std::any_of(tasks.begin(), tasks.end(), [](TaskSpec const& each) { return !each.needs.empty(); });
  if (has_kinds) {
    kinds_.reserve(tasks.size());
    for (auto const& each : tasks) kinds_.push_back(each.kind);
  }
  if (!has_needs) return;
  needs_.resize(states_.size());
  needed_by_.resize(states_.size());
  for (std::uint32_t task = 0; task < tasks.size(); ++task) {
    needs_[task] = tasks[task].needs;
    for (auto const need : needs_[task]) needed_by_[need].push_back(task);
    if (raw(task) == TaskState::waiting && missing_need(task)) change(task, TaskState::blocked);
  }
}

void QueuedJob::change(std::uint64_t task, TaskState state) {
  --counts_[static_cast<std::size_t>(raw(task))];
  ++counts_[static_cast<std::size_t>(state)];
  states_[task] = static_cast<std::uint8_t>(state);
  if (state == TaskState::waiting) next_ = std::min(next_, task);
}

TaskState QueuedJob::shown_state(std::uint64_t task) const {
  auto const state = raw(task);
  if (state != TaskState::waiting && state != TaskState::blocked) return state;
  if (held) return TaskState::held;
  return waits_for.empty() ? state : TaskState::blocked;
}

StateCounts QueuedJob::shown_counts() const {
  auto counts = counts_;
  auto& waiting = counts[static_cast<std::size_t>(TaskState::waiting)];
  auto& blocked = counts[static_cast<std::size_t>(TaskState::blocked)];
  if (held) {
    counts[static_cast<std::size_t>(TaskState::held)] = waiting + blocked;
    waiting = blocked = 0;
  } else if (!waits_for.empty()) {
    blocked += std::exchange(waiting, 0);
  }
  return counts;
}

TaskState QueuedJob::state() const {
  auto const counts = shown_counts();
  for (auto const state : {TaskState::running, TaskState::waiting, TaskState::blocked, TaskState::held,
                           TaskState::failed, TaskState::cancelled}) {
    if (counts[static_cast<std::size_t>(state)] != 0) return state;
  }
  return TaskState::finished;
}

bool QueuedJob::has_ended() const {
  return counts_[static_cast<std::size_t>(TaskState::finished)] + counts_[static_cast<std::size_t>(TaskState::failed)] +
             counts_[static_cast<std::size_t>(TaskState::cancelled)] ==
         states_.size();
}

std::uint32_t QueuedJob::attempts(std::uint64_t task) const {
  auto const found = attempts_.find(task);
  return found != attempts_.end() ? found->second : usual_attempts(raw(task));
}

void QueuedJob::set_attempts(std::uint64_t task, std::uint32_t attempts) {
  if (attempts == usual_attempts(raw(task))) {
    attempts_.erase(task);
  } else {
    attempts_[task] = attempts;
  }
}

std::optional<std::uint32_t> QueuedJob::missing_need(std::uint64_t task) const {
  if (needs_.empty()) return std::nullopt;
  for (auto const need : needs_[task]) {
    if (raw(need) != TaskState::finished) return need;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> QueuedJob::take_next() {
  if (is_blocked()) return std::nullopt;
  for (; next_ < states_.size(); ++next_) {
    if (states_[next_] != static_cast<std::uint8_t>(TaskState::waiting)) continue;
    auto const task = next_;
    auto const known = attempts(task);
    change(task, TaskState::running);
    set_attempts(task, known);
    return task;
  }
  return std::nullopt;
}

bool QueuedJob::take(std::uint64_t task) {
  if (task >= size() || states_[task] != static_cast<std::uint8_t>(TaskState::waiting)) return false;
  auto const known = attempts(task);
  change(task, TaskState::running);
  set_attempts(task, known);
  return true;
}

bool QueuedJob::is_running(std::uint64_t task) const {
  return task < size() && states_[task] == static_cast<std::uint8_t>(TaskState::running);
}

void QueuedJob::give_back(std::uint64_t task) {
  auto const known = attempts(task);
  change(task, TaskState::waiting);
  set_attempts(task, known);
}

bool QueuedJob::mark_ending(std::uint64_t task) {
  if (task >= size() || (states_[task] & ending_bit) != 0 || farm::detail::has_ended(raw(task))) return false;
  states_[task] |= ending_bit;
  return true;
}

std::vector<std::uint64_t> QueuedJob::record(std::uint64_t task, TaskState state) {
  change(task, state);
  stopping.erase(task);
  std::vector<std::uint64_t> lost;
  if (needed_by_.empty()) return lost;
  for (auto const other : needed_by_[task]) {
    if (raw(other) != TaskState::blocked) continue;
    if (state != TaskState::finished) {
      lost.push_back(other);
    } else if (!missing_need(other)) {
      auto const bit = states_[other] & ending_bit;
      change(other, TaskState::waiting);
      states_[other] |= static_cast<std::uint8_t>(bit);
    }
  }
  return lost;
}

void QueuedJob::reset(std::uint64_t task) {
  auto const known = attempts(task);
  change(task, missing_need(task) ? TaskState::blocked : TaskState::waiting);
  set_attempts(task, known);
}

}  // namespace farm::detail
