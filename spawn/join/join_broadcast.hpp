#pragma once

#include "spawn/join/join_info.hpp"

#include <mpi.h>

namespace farm::detail {

/// Broadcasts what ranks must know to join their master. MPI carries the key, which must not appear anywhere else.
/// Collective with receive_join_info(); `root` is as for MPI_Bcast. Blocks. Throws MpiError.
void send_join_info(JoinInfo const& join_info, MPI_Comm comm, int root);

/// Receives what send_join_info() broadcasts. Throws MpiError.
[[nodiscard]] JoinInfo receive_join_info(MPI_Comm comm, int root);

}  // namespace farm::detail
