#pragma once

#include "spawn/sources/group_source.hpp"

#include <mpi.h>

#include <chrono>

namespace farm::detail {

class Hub;

/// Makes the other ranks of `comm` the default source of the hub, and blocks until they have connected. Those ranks
/// call receive_join_info() and serve_static_groups() meanwhile. If this process is alone in `comm`, one of its threads
/// serves as the only rank. Throws SpawnError if not all ranks connect within `limit`, and MpiError.
void connect_static_ranks(Hub& hub, MPI_Comm comm, Slots slots, std::chrono::nanoseconds limit);

}  // namespace farm::detail
