#pragma once

#include "core/task/frame.hpp"
#include "spawn/isolation/process_state.hpp"
#include "spawn/isolation/rank_process.hpp"
#include "spawn/rank/task_server.hpp"
#include "spawn/rank_settings/assigned_resources.hpp"
#include "spawn/rank_settings/process_settings.hpp"
#include "spawn/wire/channel.hpp"

#include <farm/comm.hpp>

#include <mpi.h>

#include <optional>

namespace farm::detail {

/// Notes the state of the process, which the destructor restores. Does nothing in the master's process, where the
/// program goes on meanwhile.
class StateBefore {
 public:
  explicit StateBefore(RankProcess process);
  StateBefore(StateBefore const&) = delete;
  StateBefore& operator=(StateBefore const&) = delete;
  /// Ends the process if the state cannot be restored, unless the process belongs to the user's program.
  ~StateBefore();

 private:
  RankProcess process_;
  std::optional<ProcessState> state_;
};

/// A group of static ranks, as one of them sees it, from `form` to `dissolve`. Then the process is as it was before.
class FormedGroup {
 public:
  /// Collective over the ranks of the group. `all` is the communicator of all static ranks. Throws MpiError, and
  /// std::system_error if the group's working directory does not exist.
  FormedGroup(Form const& form, MPI_Comm all, Channel& channel, RankProcess process);
  [[nodiscard]] TaskServer& server() { return server_; }
  [[nodiscard]] AssignedResources& resources() { return resources_; }

 private:
  StateBefore before_;
  ProcessSettings settings_;
  AssignedResources resources_;
  Comm comm_;
  TaskServer server_;
};

}  // namespace farm::detail
