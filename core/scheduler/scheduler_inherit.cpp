// The part of the scheduler that takes over groups of an earlier one.
#include "core/scheduler/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

/// From one scheduler's numbers of communicators to the next one's.
constexpr unsigned epoch_bits = 20;

/// Stands for a task that nobody waits for.
TaskPtr make_unwanted(int ranks) {
  TaskPtr task{new Task{{}, {}}};
  task->ranks = ranks;
  task->set_cancelled();
  return task;
}

}  // namespace

void Scheduler::expect_group(Request const& request) {
  auto& kind = class_of(request);
  taken_.add(kind.request);
  ++kind.starting;
}

void Scheduler::not_inherited(Request const& request) {
  auto& kind = class_of(request);
  start_ended(kind);
  taken_.subtract(kind.request);
  pump();
  check_drained();
}

void Scheduler::inherit(GroupId id, Request const& request, std::vector<Inherited> tasks, std::uint64_t first,
                        std::uint64_t tasks_sent, std::uint32_t masters) {
  auto& kind = class_of(request);
  Group& group = add_ready(id, kind);
  group.tasks_sent = tasks_sent;
  group.tasks_answered = first;
  std::fill(group.answers.begin(), group.answers.end(), first);
  group.comms.begin_at(masters << epoch_bits);
  for (auto& each : tasks) {
    bool const is_wanted = each.task && each.task->set_running();
    InFlightTask& in_flight = group.in_flight.emplace_back();
    in_flight.task = is_wanted ? std::move(each.task) : make_unwanted(kind.ranks);
    in_flight.task->id = each.id;
    if (is_wanted) {
      in_flight.task->make_rare().group = id;
      in_flight.task->make_rare().number = each.number;
    }
    in_flight.id = each.id;
    in_flight.number = each.number;
    in_flight.answers_left = kind.ranks;
    in_flight.all_ranks = in_flight.task->all_ranks;
    in_flight.state = is_wanted ? State::running : State::stopping;
    in_flight.ran_before = each.ran_before;
    // there may be more tasks than slots, most of them answered: ranks that begin a task of a new epoch share no
    // messages
    in_flight.comm_slot = group.comms.next() < CommSlots::per_group ? group.comms.next() : std::uint16_t{0};
    group.comms.take(in_flight.comm_slot);
    ++counts_.running;
    ++kind.running;
  }
  if (group.in_flight.empty()) {
    retire_or_idle(group);
    pump();
  } else {
    watch_front(group);
  }
}

}  // namespace farm::detail
