#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/wire/socket.hpp"

#include <mpi.h>

namespace farm::detail {

/// Connects this rank to its master, announces the rank to its guard, and runs tasks until the master sends `leave`.
/// All ranks of `group` call this; each task gets a communicator made from `group`. MPI stays initialized. If the
/// master is gone, this ends the process. Throws SpawnError if the master cannot be reached, or if `group` has another
/// size than `join_info` says.
void serve_tasks(JoinInfo const& join_info, MPI_Comm group);

/// Why a static rank serves no more.
enum class Leave {
  told,              ///< the master has sent `leave`
  told_without_mpi,  ///< the same, and MPI_Finalize would wait for ranks that have died
  master_is_gone,
};

/// Connects a static rank to its master, and runs tasks in the groups that the master forms from the ranks of `all`.
/// Throws SpawnError if the master cannot be reached.
[[nodiscard]] Leave serve_static_groups(JoinInfo const& join_info, MPI_Comm all);

/// Serves on a thread of the master itself, which is the only rank of `self`. Returns when the master sends `leave` or
/// closes the stream.
void serve_in_thread(Socket socket, MPI_Comm self);

/// Ends this process with status 1, since the master is gone.
[[noreturn]] void leave_at_once();

}  // namespace farm::detail
