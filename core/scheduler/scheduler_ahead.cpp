// What groups are sent before they ask for it, and what of that is recalled since another group could run it.
#include "core/scheduler/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace farm::detail {
namespace {

constexpr std::size_t most_sent_ahead = 64;
/// A group that may have so many tasks gets more when half of them are done.
constexpr std::size_t least_refilled_by_half = 8;

// Sending ahead hides the way to the rank: some 10 us where it is awake, some 100 us where it has to be woken.
constexpr double short_task_nanoseconds = 20e3;
constexpr double medium_task_nanoseconds = 200e3;
/// Up to here one task is sent ahead, where it can be recalled: of a longer one the way is a thousandth at most.
constexpr double long_task_nanoseconds = 100e6;

/// When tasks wait on a group that others could run: at once where they are work for so long, else when the one before
/// them has taken so long.
constexpr double worth_recalling_nanoseconds = 500e3;
constexpr std::chrono::milliseconds recall_patience{1};

}  // namespace

void Scheduler::SentTasks::pop_front() {
  ++first_;
  if (first_ == sent_.size()) {
    sent_.clear();
    first_ = 0;
  } else if (first_ == most_sent_ahead) {
    sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

std::size_t Scheduler::window(Group const& group) const {
  auto const mean = mean_run_nanoseconds_;
  if (mean < 0 || mean >= (group.can_recall ? long_task_nanoseconds : medium_task_nanoseconds)) return 1;
  std::size_t most = mean < short_task_nanoseconds ? most_sent_ahead : mean < medium_task_nanoseconds ? 4 : 2;
  if (!group.comm_epochs.empty()) most = std::min(most, group.comm_epochs.size());
  // towards the end of the queue nothing is sent ahead, so that no task waits behind another while a group is idle
  return std::min(most, 1 + group.size->queued / (2 * static_cast<std::size_t>(std::max(group.size->alive, 1))));
}

void Scheduler::refill(Group& group) {
  if (group.state != Group::State::ready || group.recalling) return;
  Size& size = *group.size;
  // Many at once cost one system call, here and there.
  if (auto const most = window(group); most >= least_refilled_by_half && group.sent.size() > most / 2) return;
  while (group.sent.size() < window(group) && !worn_out(group) && !is_kept_for_another(size) &&
         front(size) != nullptr) {
    send(group, pop(size));
  }
}

void Scheduler::recall(Group& group) {
  group.recalling = true;
  group.recall_end = group.tasks_sent;
  port_.recall_tasks(group.id, group.recall_end);
}

std::vector<std::uint64_t> Scheduler::recalled(GroupId id, std::uint64_t first) {
  auto const found = groups_.find(id);
  if (found == groups_.end() || found->second.state == Group::State::ending) return {};
  Group& group = found->second;
  if (!std::exchange(group.recalling, false)) throw ProtocolError("a group gives back tasks that nobody has recalled");
  std::vector<std::uint64_t> tasks;
  auto const begin =
      std::find_if(group.sent.begin(), group.sent.end(), [&](Sent const& sent) { return sent.number >= first; });
  auto end = begin;
  for (; end != group.sent.end() && end->number < group.recall_end; ++end) {
    tasks.push_back(end->task->id);
    --running_;
    --group.size->running;
    ++group.tasks_recalled;
    if (end->failed) {  // it was cancelled meanwhile
      ++statistics_.tasks_done;
      end->task->release_inputs();
    } else {
      push(std::move(end->task));
    }
  }
  bool const front_goes = begin == group.sent.begin() && begin != end;
  group.sent.erase(begin, end);
  if (front_goes) watch_front(group);
  if (group.sent.empty() && front_goes) retire_or_idle(group);
  pump();
  check_drained();
  return tasks;
}

/// Groups of one rank, of which some are idle, others have tasks that they have not begun, and any can give them back;
/// null: there are none.
Scheduler::Size* Scheduler::size_with_waiting_tasks() {
  auto const found = sizes_.find(1);
  if (found == sizes_.end()) return nullptr;
  Size& size = found->second;
  if (size.recallable == 0) return nullptr;
  bool const any = !size.idle.empty() && size.running > static_cast<std::size_t>(size.alive) - size.idle.size();
  return any && front(size) == nullptr ? &size : nullptr;
}

void Scheduler::watch_waiting_tasks() {
  if (!recall_at_ && size_with_waiting_tasks() != nullptr) recall_at_ = port_.roughly_now();
}

void Scheduler::recall_waiting_tasks(Clock::time_point now) {
  recall_at_.reset();
  Size const* const size = size_with_waiting_tasks();
  if (size == nullptr) return;
  for (auto& [id, group] : groups_) {
    if (group.size != size || group.state != Group::State::ready || !group.can_recall || group.recalling) continue;
    if (group.sent.size() < 2) continue;
    double const waiting = mean_run_nanoseconds_ * static_cast<double>(group.sent.size() - 1);
    auto const due = waiting >= worth_recalling_nanoseconds ? group.front_since
                                                            : group.front_since + Clock::duration{recall_patience};
    if (due <= now) {
      recall(group);
    } else if (!recall_at_ || due < *recall_at_) {
      recall_at_ = due;
    }
  }
}

}  // namespace farm::detail
