#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/rank/guard.hpp"

#include <farm/comm.hpp>

namespace farm::detail {

/// Serves tasks on this rank until the master says leave: connects, announces the rank to its guard, and runs each task
/// with a communicator made from `group`, whose ranks all call this. Afterwards MPI is still initialized. Does not
/// return where the master is gone.
void serve_tasks(JoinInfo const& join_info, MPI_Comm group);

/// Serves tasks on a static rank, which is one of `all`, in the groups that the master forms. True when the master has
/// said leave, false where it is gone.
[[nodiscard]] bool serve_static_groups(JoinInfo const& join_info, MPI_Comm all);

/// The same on a thread of the master itself, which is all of `self`.
void serve_in_thread(Socket socket, MPI_Comm self);

/// The master is gone: ends the process.
[[noreturn]] void leave_at_once();

}  // namespace farm::detail
