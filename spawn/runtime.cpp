#include <farm/runtime.hpp>

#include "spawn/abort.hpp"
#include "spawn/birth.hpp"
#include "spawn/guard.hpp"
#include "spawn/hub.hpp"
#include "spawn/platform.hpp"
#include "spawn/worker.hpp"

#include <farm/code_address.hpp>
#include <farm/log.hpp>
#include <farm/mpi_error.hpp>

#include <fmt/format.h>
#include <mpi.h>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace farm {
namespace {

using namespace detail;

bool is_spawned() {
  char const* const worker = getenv("FARM_WORKER");
  return worker != nullptr && std::strcmp(worker, "spawned") == 0;
}

/// What the master sends when it has spawned this group; the last message between the two that goes by MPI.
Birth receive_birth() {
  MPI_Comm parent = MPI_COMM_NULL;
  check_mpi(MPI_Comm_get_parent(&parent), "MPI_Comm_get_parent");
  if (parent == MPI_COMM_NULL) throw SpawnError("FARM_WORKER is set, but no farm has spawned this process: unset it");
  check_mpi(MPI_Comm_set_errhandler(parent, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  int size = 0;
  check_mpi(MPI_Bcast(&size, 1, MPI_INT, 0, parent), "MPI_Bcast");
  Bytes packed(static_cast<std::size_t>(size), '\0');
  check_mpi(MPI_Bcast(packed.data(), size, MPI_BYTE, 0, parent), "MPI_Bcast");
  check_mpi(MPI_Comm_disconnect(&parent), "MPI_Comm_disconnect");
  return unpack<Birth>(packed);
}

void initialize_mpi(int argc, char** argv) {
  int provided = 0;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
}

[[noreturn]] void be_spawned_rank(int argc, char** argv) {
  set_rank_process();
  try {
    auto const link = split_off_guard(argv);
    unsetenv("FARM_WORKER");  // what a task starts is no rank
    initialize_mpi(argc, argv);
    serve_tasks(receive_birth(), MPI_COMM_WORLD);
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

Slots count_slots(bool singleton) {
  if (singleton) return {.total = 0, .limited = false, .origin = "no launcher has set a limit"};
  int* universe = nullptr;
  int found = 0;
  check_mpi(MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_UNIVERSE_SIZE, static_cast<void*>(&universe), &found),
            "MPI_Comm_get_attr");
  if (found == 0) return {.total = 0, .limited = false, .origin = "MPI does not tell the universe size"};
  return {.total = *universe - 1,
          .limited = true,
          .origin = fmt::format("mpiexec has {}, of which the master takes one", *universe)};
}

bool runtime_exists = false;  // NOLINT: one per process

}  // namespace

struct Runtime::State {
  bool finalizes_mpi = false;
  std::unique_ptr<Hub> hub;
};

Runtime::Runtime(int argc, char** argv) : state_(std::make_unique<State>()) {
  if (runtime_exists) throw UsageError("there is a farm::Runtime already: a process has one");
  keep_abort_linked();
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized == 0) exclude_absent_fabrics();
  if (is_spawned()) be_spawned_rank(argc, argv);
  bool const singleton = is_singleton();
  if (initialized == 0) {
    if (singleton) prepare_singleton();
    leave_default_binding();
    initialize_mpi(argc, argv);
    state_->finalizes_mpi = true;
  }
  int provided = 0;
  check_mpi(MPI_Query_thread(&provided), "MPI_Query_thread");
  if (provided < MPI_THREAD_MULTIPLE) {
    throw SpawnError(
        "MPI was initialized without MPI_THREAD_MULTIPLE, which the farm needs: it spawns from a thread of its own");
  }
  int size = 1;
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  if (size != 1)
    throw UsageError(
        fmt::format("{} masters were started: start one, with mpiexec -n 1 -host {}:{}", size, host_name(), size));
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  state_->hub = std::make_unique<Hub>(count_slots(singleton));
  runtime_exists = true;
}

Runtime::~Runtime() {
  bool const stuck = !state_->hub->stop();
  state_->hub.reset();
  runtime_exists = false;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!state_->finalizes_mpi || finalized != 0) return;
  if (stuck) {  // MPI_Finalize would wait for the spawn that never comes back
    log_error("a spawn is stuck: leaving without MPI_Finalize");
    std::fflush(nullptr);
    alarm(5);
    PMPI_Abort(MPI_COMM_SELF, 1);
  }
  MPI_Finalize();
}

}  // namespace farm
