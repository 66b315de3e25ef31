#include "spawn/runtime/rank_role.hpp"

#include "spawn/guard/split_guard.hpp"
#include "spawn/join/join_broadcast.hpp"
#include "spawn/join/join_info.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/process_role.hpp"
#include "spawn/platform/worker_environment.hpp"
#include "spawn/rank/worker.hpp"
#include "spawn/runtime/mpi_start.hpp"

#include <farm/comm.hpp>
#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/mpi_error.hpp>

#include <mpi.h>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace farm::detail {
namespace {

/// Receives what the master sends when it has spawned this group. This is the last message between the two that goes by
/// MPI.
JoinInfo receive_join_info_from_parent() {
  MPI_Comm parent = MPI_COMM_NULL;
  check_mpi(MPI_Comm_get_parent(&parent), "MPI_Comm_get_parent");
  if (parent == MPI_COMM_NULL) throw SpawnError("FARM_WORKER is set, but no farm has spawned this process: unset it");
  check_mpi(MPI_Comm_set_errhandler(parent, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  auto join_info = receive_join_info(parent, 0);
  check_mpi(MPI_Comm_disconnect(&parent), "MPI_Comm_disconnect");
  return join_info;
}

JoinInfo read_join_info_of_launch() {
  char const* const path = getenv(join_file_variable);
  if (path == nullptr) throw SpawnError("FARM_WORKER is set, but no farm has launched this process: unset it");
  return read_join_info(path);
}

/// Calls `serve` with MPI initialized, finalizes MPI, and ends the process.
template <class Serve>
[[noreturn]] void become_rank(int argc, char** argv, bool guarded, Serve serve) {
  set_rank_process();
  try {
    auto const link = guarded ? split_off_guard(argv) : GuardLink{};
    unsetenv(worker_variable);  // a program that a task starts is not a rank
    unsetenv("FARM_TRACE");     // and does not write the master's trace
    unsetenv(join_file_variable);
    if (!mpi_is_initialized()) initialize_mpi(argc, argv);
    serve();
    MPI_Finalize();
    link.set_finalized();
    if (!link.guarded()) usleep(finalize_linger_us);
  } catch (std::exception const& e) {
    log_error(e.what());
    std::fflush(nullptr);
    _exit(1);
  }
  std::exit(0);
}

}  // namespace

void become_spawned_rank(int argc, char** argv) {
  become_rank(argc, argv, true, [] { serve_tasks(receive_join_info_from_parent(), MPI_COMM_WORLD); });
}

void become_launched_rank(int argc, char** argv) {
  JoinInfo join_info;
  try {  // before the guard is split off, so that the launcher sees the status
    join_info = read_join_info_of_launch();
  } catch (std::exception const& e) {
    log_error(e.what());
    _exit(1);
  }
  become_rank(argc, argv, true, [&] { serve_tasks(join_info, MPI_COMM_WORLD); });
}

void become_static_rank(int argc, char** argv, bool guarded) {
  become_rank(argc, argv, guarded, [] {
    auto const all = Comm::borrow(MPI_COMM_WORLD).duplicate();
    check_mpi(MPI_Comm_set_errhandler(all, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    if (!serve_static_groups(receive_join_info(all, 0), all)) leave_at_once();
  });
}

}  // namespace farm::detail
