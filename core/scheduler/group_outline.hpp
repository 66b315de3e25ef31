#pragma once

#include "core/scheduler/scheduler_port.hpp"

#include <farm/detail/deadline.hpp>

#include <cstdint>

namespace farm::detail {

/// What a scheduler knows of one group at a moment.
struct GroupOutline {
  GroupId id = 0;
  bool is_leaving = false;     ///< it leaves, or is being ended
  bool is_running = false;     ///< it has a task
  std::uint64_t tag = 0;       ///< of the task that it runs: see Task::Rare
  std::uint32_t attempt = 0;   ///< of that task
  float progress = 0;          ///< of that task, from 0 to 1
  Clock::time_point since;     ///< roughly, when that task became the first
  std::uint64_t answered = 0;  ///< tasks that all its ranks have answered
};

}  // namespace farm::detail
