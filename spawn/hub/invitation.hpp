#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/sources/group_source.hpp"

#include <mpi.h>

#include <chrono>

namespace farm::detail {

class Hub;

/// Makes the other ranks of `comm`, which is this process alone or whose others call receive_birth() and
/// serve_static_groups(), the source of the hub. Blocks until they have come. A master alone serves itself, on a
/// thread. Throws SpawnError.
void invite_static_ranks(Hub& hub, MPI_Comm comm, Slots slots, std::chrono::nanoseconds limit);

}  // namespace farm::detail
