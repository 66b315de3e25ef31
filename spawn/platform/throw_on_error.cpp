#include "spawn/platform/throw_on_error.hpp"

#include <farm/mpi_error.hpp>

namespace farm::detail {
namespace {

void throw_mpi_error(MPI_Comm* /*comm*/, int* code, ...) { throw MpiError(*code, "MPI"); }  // NOLINT: MPI's signature

}  // namespace

void throw_on_error(MPI_Comm comm) {
  static MPI_Errhandler const handler = [] {
    MPI_Errhandler made = MPI_ERRHANDLER_NULL;
    check_mpi(MPI_Comm_create_errhandler(&throw_mpi_error, &made), "MPI_Comm_create_errhandler");
    return made;
  }();
  check_mpi(MPI_Comm_set_errhandler(comm, handler), "MPI_Comm_set_errhandler");
}

}  // namespace farm::detail
