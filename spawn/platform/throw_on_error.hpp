#pragma once

#include <mpi.h>

namespace farm::detail {

/// Makes MPI functions that are called with this communicator throw MpiError when they fail. With MPICH they note the
/// error and return it: MPICH calls its error handlers with its lock held, and would never unlock it after a throw.
/// Throws MpiError.
void throw_on_error(MPI_Comm comm);

/// Throws MpiError if an error was noted since the last call of this function or of forget_noted_error().
void throw_noted_error();
void forget_noted_error() noexcept;

}  // namespace farm::detail
