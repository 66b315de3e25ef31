#pragma once

#include <mpi.h>

namespace farm::detail {

/// Makes errors of MPI functions that are called with this communicator exceptions: MpiError.
void throw_on_error(MPI_Comm comm);

}  // namespace farm::detail
