#include "spawn/runtime/rank_role.hpp"

#include "core/base/settings.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/environment/worker_environment.hpp"
#include "spawn/guard/split_guard.hpp"
#include "spawn/isolation/leaked_comms.hpp"
#include "spawn/isolation/standard_input.hpp"
#include "spawn/join/join_broadcast.hpp"
#include "spawn/join/join_info.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/platform/process_role.hpp"
#include "spawn/process/closes_on_exec.hpp"
#include "spawn/rank/end_rank.hpp"
#include "spawn/rank/worker.hpp"
#include "spawn/runtime/early_start.hpp"
#include "spawn/runtime/mpi_start.hpp"

#include <farm/comm.hpp>
#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/launcher_variables.hpp>
#include <farm/mpi_error.hpp>

#include <mpi.h>

#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace farm::detail {
namespace {

/// Receives what the master sends when it has spawned this group. This is the last message between the two that goes by
/// MPI.
JoinInfo receive_join_info_from_parent() {
  ClosesOnExec const closes_on_exec;
  MPI_Comm parent = MPI_COMM_NULL;
  check_mpi(MPI_Comm_get_parent(&parent), "MPI_Comm_get_parent");
  if (parent == MPI_COMM_NULL) throw SpawnError("FARM_WORKER is set, but no farm has spawned this process: unset it");
  check_mpi(MPI_Comm_set_errhandler(parent, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  auto join_info = receive_join_info(parent, 0);
  check_mpi(MPI_Comm_disconnect(&parent), "MPI_Comm_disconnect");
  return join_info;
}

JoinInfo read_join_info_of_launch() {
  auto const& path = worker_environment().join_file;
  if (path.empty()) throw SpawnError("FARM_WORKER is set, but no farm has launched this process: unset it");
  return read_join_info(path);
}

/// A task may start a program that is a master itself. The groups of such a program do not come from where this run's
/// groups come from: this run has the slots of those hosts. Keeps the variables that the options of a pool have set.
void remove_settings_of_master(JoinInfo const& join_info) {
  for (auto const which :
       {Setting::source, Setting::launcher, Setting::hosts, Setting::hostfile, Setting::max_workers}) {
    auto const name = variable_of(which);
    bool const is_kept = std::any_of(join_info.environment.begin(), join_info.environment.end(),
                                     [&](auto const& variable) { return variable.first == name; });
    if (!is_kept) unsetenv(name.c_str());
  }
}

/// Calls `serve` with MPI initialized, finalizes MPI, and ends the process.
template <class Serve>
[[noreturn]] void become_rank(int argc, char** argv, bool guarded, Serve serve) {
  set_rank_process();
  try {
    empty_standard_input();
    auto const link = guarded ? split_off_guard() : GuardLink{};
    link.enter_runtime();
    unsetenv("FARM_TRACE");  // a program that a task starts does not write the master's trace
    unsetenv(output_variable);
    if (!mpi_is_initialized()) initialize_mpi(argc, argv);
    remove_launcher_variables();
    serve();
    // when Open MPI 4.1 has run out of communicators, its MPI_Finalize may crash; the guard finalizes for the rank
    if (link.guarded() && comm_shortage() == CommShortage::used_up) end_rank("", 0);
    MPI_Finalize();
    link.set_finalized();
    if (!link.guarded()) usleep(finalize_linger_us);
  } catch (std::exception const& e) {
    guard_link().set_note(text_of(e));
    log_error(text_of(e));
    std::fflush(nullptr);
    _exit(1);
  }
  std::exit(0);
}

}  // namespace

void become_spawned_rank(int argc, char** argv) {
  become_rank(argc, argv, true, [] {
    auto const join_info = receive_join_info_from_parent();
    apply_settings(join_info);
    remove_settings_of_master(join_info);
    serve_tasks(join_info, MPI_COMM_WORLD);
  });
}

void become_launched_rank(int argc, char** argv) {
  JoinInfo join_info;
  try {  // if the join file cannot be read, there is no guard, and the launcher sees the status
    join_info = read_join_info_of_launch();
  } catch (std::exception const& e) {
    log_error(text_of(e));
    _exit(1);
  }
  become_rank(argc, argv, true, [&] {
    remove_settings_of_master(join_info);
    serve_tasks(join_info, MPI_COMM_WORLD);
  });
}

void become_static_rank(int argc, char** argv, bool guarded) {
  become_rank(argc, argv, guarded, [] {
    auto const all = Comm::borrow(MPI_COMM_WORLD).duplicate();
    check_mpi(MPI_Comm_set_errhandler(all, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    auto const join_info = receive_join_info(all, 0);
    remove_settings_of_master(join_info);
    auto const why = serve_static_groups(join_info, all);
    if (why == Leave::master_is_gone) leave_at_once();
    if (why == Leave::told_without_mpi) {
      if (!guard_link().guarded()) keep_status_of_exit();  // else the guard takes leave of the launcher
      end_rank("", 0);
    }
  });
}

}  // namespace farm::detail
