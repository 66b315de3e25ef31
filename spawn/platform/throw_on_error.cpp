#include "spawn/platform/throw_on_error.hpp"

#include "spawn/platform/mpi_traits.hpp"

#include <farm/mpi_error.hpp>

#include <atomic>

namespace farm::detail {
namespace {

std::atomic<int> noted_error{MPI_SUCCESS};  // NOLINT: of the task that runs

void on_mpi_error(MPI_Comm* /*comm*/, int* code, ...) {  // NOLINT: MPI's signature
  if (!uses_mpich()) throw MpiError(*code, "MPI");
  int none = MPI_SUCCESS;
  noted_error.compare_exchange_strong(none, *code);
}

}  // namespace

void throw_on_error(MPI_Comm comm) {
  static MPI_Errhandler const handler = [] {
    MPI_Errhandler made = MPI_ERRHANDLER_NULL;
    check_mpi(MPI_Comm_create_errhandler(&on_mpi_error, &made), "MPI_Comm_create_errhandler");
    return made;
  }();
  check_mpi(MPI_Comm_set_errhandler(comm, handler), "MPI_Comm_set_errhandler");
}

void throw_noted_error() {
  if (noted_error.load(std::memory_order_relaxed) == MPI_SUCCESS) return;
  throw MpiError(noted_error.exchange(MPI_SUCCESS), "MPI");
}

void forget_noted_error() noexcept {
  if (noted_error.load(std::memory_order_relaxed) != MPI_SUCCESS) noted_error.store(MPI_SUCCESS);
}

}  // namespace farm::detail
