#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/sources/group_source.hpp"

#include <mpi.h>

#include <chrono>

namespace farm::detail {

class Hub;

/// What the master needs to tell a rank at its birth goes by MPI, over the communicator that both are in: it holds the
/// key, which is to be seen nowhere else.
void send_join_info(JoinInfo const& join_info, MPI_Comm comm, int root);
[[nodiscard]] JoinInfo receive_join_info(MPI_Comm comm, int root);

/// Makes the other ranks of `comm`, which is this process alone or whose others call receive_birth() and
/// serve_static_groups(), the source of the hub. Blocks until they have come. A master alone serves itself, on a
/// thread. Throws SpawnError.
void invite_static_ranks(Hub& hub, MPI_Comm comm, Slots slots, std::chrono::nanoseconds limit);

}  // namespace farm::detail
