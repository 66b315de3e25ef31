// The part of the scheduler that sends tasks to groups before they ask for them, and that recalls such tasks if another
// group could run them now.
#include "core/scheduler/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace farm::detail {
namespace {

constexpr std::size_t most_sent_ahead = 64;
/// A group that may have at least so many tasks gets further ones when half of them are done.
constexpr std::size_t least_refilled_by_half = 8;

// Sending ahead hides the latency of a message to the rank: some 10 us if the rank is awake, some 100 us if it has to
// be woken.
constexpr double short_task_nanoseconds = 20e3;
constexpr double medium_task_nanoseconds = 200e3;
/// Up to this run time one task is sent ahead, if it can be recalled. The latency is at most a thousandth of a longer
/// task.
constexpr double long_task_nanoseconds = 100e6;

/// Tasks that wait on a group while another group is idle are recalled at once if they are work for so long, ...
constexpr double worth_recalling_nanoseconds = 500e3;
/// ... and otherwise when the task before them has run for so long.
constexpr std::chrono::milliseconds recall_patience{1};

}  // namespace

/// Returns how many tasks the group may have in flight.
std::size_t Scheduler::window(Group const& group) const {
  auto const mean = mean_run_nanoseconds_;
  if (mean < 0 || mean >= (group.can_recall ? long_task_nanoseconds : medium_task_nanoseconds)) return 1;
  std::size_t most = mean < short_task_nanoseconds ? most_sent_ahead : mean < medium_task_nanoseconds ? 4 : 2;
  if (group.comms.has_slot_per_task()) most = std::min(most, CommSlots::per_group);
  // Towards the end of the queue nothing is sent ahead, so that no task waits behind another while a group is idle.
  return std::min(most, 1 + group.kind->queue.size() / (2 * static_cast<std::size_t>(std::max(group.kind->alive, 1))));
}

/// Returns true if the group's last task is one in which only rank 0 works. The other ranks would begin the next task,
/// and would wait for rank 0 in MPI, which takes a core each.
bool Scheduler::is_left_alone(Group& group) {
  if (group.kind->ranks == 1 || group.in_flight.empty()) return false;
  return group.in_flight[group.in_flight.size() - 1].task->alone;
}

void Scheduler::refill(Group& group) {
  if (group.state != Group::State::ready || group.recalling || is_left_alone(group)) return;
  RequestClass& kind = *group.kind;
  // Many tasks at once cost one system call on each side.
  if (auto const most = window(group); most >= least_refilled_by_half && group.in_flight.size() > most / 2) return;
  while (group.in_flight.size() < window(group) && !worn_out(group) && !waits_for_favored(kind) &&
         kind.queue.front() != nullptr && !is_left_alone(group)) {
    send(group, kind.queue.pop());
  }
}

void Scheduler::recall(Group& group) {
  group.recalling = true;
  group.recall_end = group.tasks_sent;
  port_.recall_tasks(group.id, group.recall_end);
}

std::vector<std::uint64_t> Scheduler::recalled(GroupId id, std::uint64_t first) {
  Group* const found = find_active(id);
  if (found == nullptr) return {};
  Group& group = *found;
  if (!std::exchange(group.recalling, false)) throw ProtocolError("a group gives back tasks that it was not asked for");
  std::vector<std::uint64_t> tasks;
  auto const begin = std::find_if(group.in_flight.begin(), group.in_flight.end(),
                                  [&](InFlightTask const& each) { return each.number >= first; });
  auto end = begin;
  for (; end != group.in_flight.end() && end->number < group.recall_end; ++end) {
    tasks.push_back(end->task->id);
    --counts_.running;
    --group.kind->running;
    ++group.tasks_recalled;
    if (end->state != State::running) {  // it was cancelled meanwhile
      drop(end->task);
    } else {
      push(std::move(end->task));
    }
  }
  bool const front_goes = begin == group.in_flight.begin() && begin != end;
  group.in_flight.erase(begin, end);
  if (front_goes) watch_front(group);
  if (group.in_flight.empty() && front_goes) retire_or_idle(group);
  pump();
  check_drained();
  return tasks;
}

/// Returns true if some groups of this class are idle, others have tasks that they have not begun, and any of them can
/// give tasks back.
bool Scheduler::has_waiting_tasks(RequestClass& kind) {
  if (kind.recallable == 0 || kind.idle.empty()) return false;
  return kind.running > static_cast<std::size_t>(kind.alive) - kind.idle.size() && kind.queue.front() == nullptr;
}

void Scheduler::watch_waiting_tasks() {
  if (recall_at_) return;
  for (auto& [request, kind] : classes_) {
    if (kind.ranks > 1) break;  // the classes stand in the order of their ranks
    if (has_waiting_tasks(kind)) recall_at_ = port_.roughly_now();
  }
}

void Scheduler::recall_waiting_tasks(Clock::time_point now) {
  recall_at_.reset();
  for (auto& [id, group] : groups_) {
    if (group.state != Group::State::ready || !group.can_recall || group.recalling) continue;
    if (group.in_flight.size() < 2 || !has_waiting_tasks(*group.kind)) continue;
    double const waiting = mean_run_nanoseconds_ * static_cast<double>(group.in_flight.size() - 1);
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
