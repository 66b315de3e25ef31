#pragma once

#include "core/resources/budget.hpp"
#include "core/resources/request.hpp"
#include "core/scheduler/comm_slots.hpp"
#include "core/scheduler/in_flight.hpp"
#include "core/scheduler/scheduler_port.hpp"
#include "core/scheduler/task_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace farm::detail {

struct RequestClass;

/// A group as the scheduler sees it.
struct ScheduledGroup {
  GroupId id = 0;
  RequestClass* kind = nullptr;
  enum class State : std::uint8_t { ready, leaving, ending } state = State::ready;
  std::size_t idle_index = 0;  ///< within kind->idle, while the group is idle
  InFlightTasks in_flight;     ///< in the order in which the ranks run them
  std::uint64_t tasks_sent = 0;
  std::uint64_t tasks_answered = 0;  ///< by all ranks
  std::uint64_t tasks_recalled = 0;  ///< 0 for a group of several ranks
  std::uint64_t recall_end = 0;      ///< the value of tasks_sent when the group was asked to give tasks back
  bool can_recall = false;
  bool worn_out = false;          ///< A rank asked to be replaced.
  bool recalling = false;         ///< The group was asked to give tasks back and has not answered yet.
  Clock::time_point front_since;  ///< roughly, the time at which its first task became the first
  CommSlots comms;
  std::vector<std::uint64_t> answers;  ///< the number of answers of each rank; empty for a group of one rank
  std::optional<Clock::time_point> deadline;
};

/// The queued tasks with one request, and the groups that are made for it.
struct RequestClass {
  RequestClass(Request its_request, TaskCounts& counts)
      : ranks(its_request.ranks), request(std::move(its_request)), queue(counts) {}

  int ranks;  ///< a copy of request.ranks
  Request request;
  TaskQueue queue;
  std::size_t running = 0;  ///< tasks sent to groups of this class, whether or not the groups have begun them
  std::vector<ScheduledGroup*> idle;
  int starting = 0;                ///< groups that were requested and are not ready yet
  int booting = 0;                 ///< of these, requested by boot(): they are kept although no task needs them
  int alive = 0;                   ///< groups in state ready
  int recallable = 0;              ///< groups in state ready that can give tasks back
  int leaving = 0;                 ///< groups in the other states
  int start_failures = 0;          ///< in a row
  Clock::time_point not_before{};  ///< the earliest time of the next start, after a failed one
  bool paused = false;             ///< Nothing is started until then.
  bool blocked = false;            ///< A start waits for room that only groups of other classes hold.
  unsigned lacks = lack::nothing;  ///< what was too little for a group when one was last to be started
  std::uint64_t overtaken = 0;     ///< less urgent tasks of other classes that started while this class had no group
  std::uint64_t blocked_in = 0;    ///< the last pump() in which the first task could not start
};

}  // namespace farm::detail
