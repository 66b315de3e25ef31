#pragma once

#include "spawn/join/join_info.hpp"

#include <mpi.h>

namespace farm::detail {

/// Broadcasts what ranks must know to join their master, over a communicator that both are in: MPI carries the key,
/// which must be seen nowhere else. `root` is as for MPI_Bcast. Throws MpiError.
void send_join_info(JoinInfo const& join_info, MPI_Comm comm, int root);
[[nodiscard]] JoinInfo receive_join_info(MPI_Comm comm, int root);

}  // namespace farm::detail
