#include "spawn/runtime/mpi_start.hpp"

#include "spawn/guard/held_connections.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/process/closes_on_exec.hpp"
#include "spawn/process/forks_read_nothing.hpp"
#include "spawn/process/signals.hpp"
#include "spawn/runtime/mpi_watch.hpp"

#include <farm/error.hpp>
#include <farm/mpi_error.hpp>

#include <mpi.h>

namespace farm::detail {

bool mpi_is_initialized() {
  int initialized = 0;
  MPI_Initialized(&initialized);
  return initialized != 0;
}

void initialize_mpi(int argc, char** argv) {
  ForksReceiveSignals const forks_receive_signals;
  ClosesOnExec const closes_on_exec;
  ForksReadNothing const forks_read_nothing;
  HoldsConnections const holds_connections;
  LoopbackOnly const loopback_only;
  MpiWatch const watch;
  int provided = 0;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
}

void check_thread_level() {
  int provided = 0;
  check_mpi(MPI_Query_thread(&provided), "MPI_Query_thread");
  if (provided < MPI_THREAD_MULTIPLE) {
    throw SpawnError(
        "MPI was initialized without MPI_THREAD_MULTIPLE, which the farm needs: it uses MPI from a thread of its own");
  }
}

}  // namespace farm::detail
