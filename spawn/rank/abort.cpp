#include "spawn/rank/abort.hpp"

#include "spawn/platform/process_role.hpp"
#include "spawn/rank/end_rank.hpp"

#include <fmt/format.h>
#include <mpi.h>

// MPI_Abort asks the launcher to end the whole job, but when a task calls it, only its rank should end. The MPI
// profiling interface lets a program define MPI_Abort itself; PMPI_Abort still is MPI's own function.

namespace farm::detail {

void keep_abort_linked() {}

namespace {

int abort_or_leave(MPI_Comm comm, int code) {
  if (!is_rank_process()) return PMPI_Abort(comm, code);
  end_rank(fmt::format("it called MPI_Abort with code {}", code), code & 0xff ? code & 0xff : 1);
}

}  // namespace
}  // namespace farm::detail

extern "C" {

int MPI_Abort(MPI_Comm comm, int errorcode) { return farm::detail::abort_or_leave(comm, errorcode); }

// the names that Fortran compilers use
void mpi_abort_(MPI_Fint const* comm, MPI_Fint const* errorcode, MPI_Fint* ierror) {
  *ierror = farm::detail::abort_or_leave(MPI_Comm_f2c(*comm), *errorcode);
}
void mpi_abort_f08_(MPI_Fint const* comm, MPI_Fint const* errorcode, MPI_Fint* ierror) {
  mpi_abort_(comm, errorcode, ierror);
}
}
