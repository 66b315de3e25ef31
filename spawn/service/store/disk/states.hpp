#pragma once

#include "spawn/service/model/job.hpp"
#include "spawn/service/store/disk/database.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace farm::detail {

/// What the ends of a job make of its tasks.
struct JobStates {
  std::vector<TaskState> states{};  ///< one for each task: waiting, finished, failed or cancelled
  /// Tasks that have an end, or had one that a retry has taken back, with how often they have started.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> attempts{};
  double last_ended = 0;
};

/// Reads all ends of a job. Throws StoreError, also if a row is damaged.
[[nodiscard]] JobStates read_states(Database& database, std::uint64_t job, std::uint64_t tasks);

}  // namespace farm::detail
