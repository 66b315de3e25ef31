#pragma once

#include <mpi.h>

namespace farm::detail {

/// Makes MPI functions that are called with this communicator throw MpiError when they fail. Throws MpiError.
void throw_on_error(MPI_Comm comm);

}  // namespace farm::detail
