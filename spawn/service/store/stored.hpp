#pragma once

#include "spawn/service/model/job.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What the store is given, and gives back.
namespace farm::detail {

/// A job as it is on disk.
struct StoredJob {
  std::uint64_t number = 0;  ///< from 1
  JobSpec spec{};
  std::uint64_t tasks = 0;
  double submitted = 0;  ///< in seconds since 1970
  bool held = false;
  int priority = 0;
};

/// What the store holds of a job, as a server finds it at its start: what the queue needs in memory.
struct LoadedJob {
  StoredJob job{};
  /// One for each task: waiting, finished, failed or cancelled.
  std::vector<TaskState> states{};
  /// The attempts of tasks that have ended, or whose end a retry has taken back; the others are not in here.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> attempts{};
  /// Kinds and needs, one for each task, if the job is from a job file; else empty. Inputs are left out.
  std::vector<TaskSpec> tasks{};
  double last_ended = 0;  ///< when the last task has ended; 0: none has
};

/// A group that was started by a server and may outlive it.
struct StoredGroup {
  std::uint64_t group = 0;
  std::string details{};  ///< JSON: what the source needs to take it over
};

/// A change of a job that is not an end of a task.
struct JobChange {
  std::uint64_t job = 0;
  std::optional<bool> held{};
  std::optional<int> priority{};
  bool forgotten = false;  ///< the job, with its inputs and results, is removed
};

/// The state of the disk, as far as the last write tells.
struct StoreHealth {
  std::string problem{};      ///< why nothing can be written; empty: all is well
  std::size_t unwritten = 0;  ///< what waits in memory: ends and changes
};

}  // namespace farm::detail
