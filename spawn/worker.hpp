#pragma once

#include "spawn/birth.hpp"
#include "spawn/guard.hpp"

#include <farm/comm.hpp>

namespace farm::detail {

/// Serves tasks on this rank until the master says leave: connects, announces the rank to its guard, and runs each task
/// with a communicator made from `group`, whose ranks all call this. Afterwards MPI is still initialized. Does not
/// return where the master is gone.
void serve_tasks(Birth const& birth, MPI_Comm group);

/// True on a rank, from its start on.
[[nodiscard]] bool is_rank_process();
void set_rank_process();

}  // namespace farm::detail
