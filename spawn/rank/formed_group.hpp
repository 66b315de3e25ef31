#pragma once

#include "core/task/frame.hpp"
#include "spawn/rank/process_settings.hpp"
#include "spawn/rank/task_server.hpp"
#include "spawn/wire/channel.hpp"

#include <farm/comm.hpp>

#include <mpi.h>

namespace farm::detail {

/// A group of static ranks, as one of them sees it, from `form` to `dissolve`.
class FormedGroup {
 public:
  /// Collective over the ranks of the group. `all` is the communicator of all static ranks. Throws MpiError, and
  /// std::system_error if the group's working directory does not exist.
  FormedGroup(Form const& form, MPI_Comm all, Channel& channel);
  [[nodiscard]] TaskServer& server() { return server_; }

 private:
  ProcessSettings settings_;
  Comm comm_;
  TaskServer server_;
};

}  // namespace farm::detail
