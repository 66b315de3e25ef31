#include <farm/runtime.hpp>

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/hub/stage_owner.hpp"
#include "spawn/hub/static_ranks.hpp"
#include "spawn/join/join_broadcast.hpp"
#include "spawn/join/join_info.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/platform/process_role.hpp"
#include "spawn/rank/abort.hpp"
#include "spawn/rank/guard.hpp"
#include "spawn/rank/worker.hpp"
#include "spawn/runtime/interrupt.hpp"
#include "spawn/sources/source_choice.hpp"
#include "spawn/sources/spawned_source.hpp"
#include "spawn/trace/trace.hpp"

#include <farm/comm.hpp>
#include <farm/detail/log.hpp>
#include <farm/mpi_error.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>
#include <mpi.h>

#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace farm {
namespace {

using namespace detail;

constexpr std::chrono::seconds arrival_limit{60};

void check_thread_level() {
  int provided = 0;
  check_mpi(MPI_Query_thread(&provided), "MPI_Query_thread");
  if (provided < MPI_THREAD_MULTIPLE) {
    throw SpawnError(
        "MPI was initialized without MPI_THREAD_MULTIPLE, which the farm needs: it uses MPI from a thread of its own");
  }
}

void initialize_mpi(int argc, char** argv) {
  int provided = 0;
  check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
}

/// What the master sends when it has spawned this group; the last message between the two that goes by MPI.
JoinInfo receive_join_info_from_parent() {
  MPI_Comm parent = MPI_COMM_NULL;
  check_mpi(MPI_Comm_get_parent(&parent), "MPI_Comm_get_parent");
  if (parent == MPI_COMM_NULL) throw SpawnError("FARM_WORKER is set, but no farm has spawned this process: unset it");
  check_mpi(MPI_Comm_set_errhandler(parent, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  auto join_info = receive_join_info(parent, 0);
  check_mpi(MPI_Comm_disconnect(&parent), "MPI_Comm_disconnect");
  return join_info;
}

/// A process that serves and ends: `serve` is called with MPI initialized.
template <class Serve>
[[noreturn]] void be_rank(int argc, char** argv, bool guarded, Serve serve) {
  set_rank_process();
  try {
    auto const link = guarded ? split_off_guard(argv) : GuardLink{};
    unsetenv("FARM_WORKER");  // what a task starts is no rank
    unsetenv("FARM_TRACE");   // and its timeline is not the master's
    unsetenv("FARM_BIRTH");
    int initialized = 0;
    MPI_Initialized(&initialized);
    if (initialized == 0) initialize_mpi(argc, argv);
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

[[noreturn]] void be_spawned_rank(int argc, char** argv) {
  be_rank(argc, argv, true, [] { serve_tasks(receive_join_info_from_parent(), MPI_COMM_WORLD); });
}

[[noreturn]] void be_launched_rank(int argc, char** argv) {
  JoinInfo join_info;
  try {
    char const* const path = getenv("FARM_BIRTH");
    if (path == nullptr) throw SpawnError("FARM_WORKER is set, but no farm has launched this process: unset it");
    join_info = read_join_info(path);
  } catch (std::exception const& e) {
    log_error(e.what());
    _exit(1);
  }
  be_rank(argc, argv, true, [&] { serve_tasks(join_info, MPI_COMM_WORLD); });
}

[[noreturn]] void be_static_rank(int argc, char** argv, bool mpi_was_initialized) {
  be_rank(argc, argv, !mpi_was_initialized, [] {
    auto const all = Comm::borrow(MPI_COMM_WORLD).duplicate();
    check_mpi(MPI_Comm_set_errhandler(all, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    if (!serve_static_groups(receive_join_info(all, 0), all)) leave_at_once();
  });
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
          .origin = fmt::format("mpiexec has {}, of which the master takes one", *universe),
          .remedy = [](int ranks) {
            return fmt::format("give more with mpiexec -n 1 -host {}:{}", host_name(), ranks + 1);
          }};
}

Slots count_static_ranks(int size) {
  return {.total = size - 1,
          .limited = true,
          .origin = fmt::format("the job was started with {}, of which the master is one", size),
          .remedy = [](int ranks) { return fmt::format("start it with mpiexec -n {}", ranks + 1); }};
}

/// Tells of misspelt variables, in the master only.
void warn_of_unknown_settings() {
  if (launched_as().rank > 0) return;
  for (auto const& line : unknown_settings()) log_error(line);
}

bool runtime_exists = false;  // NOLINT: one per process

}  // namespace

struct Runtime::State {
  bool finalizes_mpi = false;
  Comm all;  ///< of all ranks, where they serve
  std::unique_ptr<Hub> hub;
  std::unique_ptr<Interrupt> interrupt;  ///< used on the hub's thread, which ends before it

  /// Pools may be made. `launched`: somebody kills this process soon after a signal.
  void begin(bool launched) {
    Hub::set_instance(hub.get());
    if (auto const* const run = current_stage_run()) run->removes_if_killed(mpi_shared_memory());
    hub->post([this, launched] { interrupt = std::make_unique<Interrupt>(*hub, launched); });
  }
};

Runtime::Runtime(int argc, char** argv, Ranks ranks) : state_(std::make_unique<State>()) {
  if (runtime_exists) throw UsageError("there is a farm::Runtime already: a process has one");
  keep_abort_linked();
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized == 0) exclude_absent_fabrics();
  if (auto const kind = started_as_worker(); kind == "spawned") {
    be_spawned_rank(argc, argv);
  } else if (kind == "launched") {
    be_launched_rank(argc, argv);
  }
  warn_of_unknown_settings();
  check_settings();
  auto const source = choose_source(ranks);
  if (ranks == Ranks::serve && launched_as().rank <= 0) Trace::open();
  if (source == Source::launched) {
    StageOwner::instance().open();
    state_->hub = std::make_unique<Hub>();
    static_cast<void>(state_->hub->source(Source::launched));
    state_->begin(!is_singleton() || getenv("SLURM_JOB_ID") != nullptr);
    runtime_exists = true;
    return;
  }
  bool const singleton = is_singleton();
  if (initialized == 0) {
    auto const place = launched_as();
    if (place.size > 1 && !yield_setting(place.local_size).empty()) setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
    if (ranks == Ranks::serve && place.rank > 0) be_static_rank(argc, argv, false);
    if (singleton) prepare_singleton();
    if (ranks == Ranks::serve) leave_default_binding();
    initialize_mpi(argc, argv);
    state_->finalizes_mpi = true;
  }
  check_thread_level();
  int size = 1;
  int rank = 0;
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  if (ranks == Ranks::serve) {
    if (rank > 0) be_static_rank(argc, argv, true);
    StageOwner::instance().open();
    state_->hub = std::make_unique<Hub>();
    if (job_has_other_hosts() || is_set(Setting::address)) state_->hub->open_to_network();
    if (size == 1) {
      state_->hub->set_source(std::make_unique<SpawnedSource>(state_->hub->source_port(), count_slots(singleton)));
    } else {
      state_->all = Comm::borrow(MPI_COMM_WORLD).duplicate();
      connect_static_ranks(*state_->hub, state_->all, count_static_ranks(size), arrival_limit);
    }
    state_->begin(!singleton);
  }
  runtime_exists = true;
}

Runtime::~Runtime() {
  Hub::set_instance(nullptr);
  bool const stuck = state_->hub && !state_->hub->close();
  runtime_exists = false;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (state_->finalizes_mpi && finalized == 0) {
    if (stuck) {  // by a spawn that never comes back, or a host that is lost
      leave_without_mpi();
    } else {
      state_->all = {};
      MPI_Finalize();  // static ranks end after it, and what they print meanwhile still comes
    }
  }
  if (state_->hub) state_->hub->stop();
  StageOwner::instance().close();
  if (int const status = Interrupt::status(); status != 0) {  // whatever main would return
    std::fflush(nullptr);
    _exit(status);
  }
}

}  // namespace farm
