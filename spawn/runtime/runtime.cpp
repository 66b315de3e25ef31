#include <farm/runtime.hpp>

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/hosts/hosts.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/hub/stage_owner.hpp"
#include "spawn/hub/static_ranks.hpp"
#include "spawn/isolation/mpi_calls.hpp"
#include "spawn/isolation/watched_calls.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/process/standard_descriptors.hpp"
#include "spawn/rank/abort.hpp"
#include "spawn/resources/host_resources.hpp"
#include "spawn/runtime/early_start.hpp"
#include "spawn/runtime/interrupt.hpp"
#include "spawn/runtime/mpi_start.hpp"
#include "spawn/runtime/rank_role.hpp"
#include "spawn/runtime/uncaught_error.hpp"
#include "spawn/sources/ignored_settings.hpp"
#include "spawn/sources/source_choice.hpp"
#include "spawn/sources/spawned_source.hpp"
#include "spawn/trace/trace.hpp"

#include <farm/comm.hpp>
#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/mpi_error.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>
#include <mpi.h>

#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace farm {
namespace {

using namespace detail;

constexpr std::chrono::seconds connect_limit{60};

bool runtime_exists = false;  // NOLINT: one per process

/// What this process is in its run.
enum class Role {
  spawned_rank,
  launched_rank,
  static_rank,
  launched_master,  ///< whose groups are launched; does not initialize MPI
  mpi_master,       ///< whose groups are spawned, or made of the other ranks of its job
  participant,      ///< Ranks::take_part
};

/// Logs warnings, on one process of the job only.
void warn(std::vector<std::string> const& lines) {
  if (launched_as().rank > 0) return;
  for (auto const& line : lines) log_error(line);
}

/// Throws UsageError if a setting is wrong, or asks for what cannot be.
Role find_role(Ranks ranks, bool mpi_initialized) {
  auto const kind = started_as_worker();
  if (kind == "spawned") return Role::spawned_rank;
  if (kind == "launched") return Role::launched_rank;
  warn(unknown_settings());
  check_settings();
  static_cast<void>(told_resources());
  auto const source = choose_source(ranks);
  warn(ignored_settings(source, ranks));
  if (source == Source::launched) return Role::launched_master;
  if (ranks == Ranks::take_part) return Role::participant;
  return launched_as().rank > 0 && !mpi_initialized ? Role::static_rank : Role::mpi_master;
}

/// In a job with more ranks than cores on this host, those that wait in MPI yield.
void yield_if_oversubscribed() {
  auto const job = launched_as();
  auto const line = job.size > 1 ? yield_setting(job.local_size) : std::string{};
  auto const name_end = line.find('=');
  if (!line.empty()) setenv(line.substr(0, name_end).c_str(), line.c_str() + name_end + 1, 0);
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

}  // namespace

struct Runtime::State {
  pid_t owner = getpid();
  bool finalizes_mpi = false;
  Comm all;  ///< of all ranks of the job, if the others serve
  std::unique_ptr<Hub> hub;
  std::unique_ptr<Interrupt> interrupt;  ///< used on the hub's thread, which ends before

  void open_hub() {
    StageOwner::instance().open();
    hub = std::make_unique<Hub>();
  }

  /// From now on pools can be made. `killed_soon`: a launcher kills this process soon after it was sent a signal.
  void publish_hub(bool killed_soon) {
    Hub::set_instance(hub.get());
    if (auto const* const run = current_stage_run()) run->removes_if_killed(mpi_shared_memory());
    hub->post([this, killed_soon] { interrupt = std::make_unique<Interrupt>(*hub, killed_soon); });
  }

  void start_launched_master() {
    Trace::open();
    open_hub();
    static_cast<void>(hub->source(Source::launched));
    publish_hub(!is_singleton() || getenv("SLURM_JOB_ID") != nullptr);
  }

  /// Initializes MPI, unless the program has done so.
  void start_mpi(int argc, char** argv, bool binds_freely) {
    if (!mpi_is_initialized()) {
      yield_if_oversubscribed();
      if (is_singleton() && !uses_mpich()) prepare_singleton();
      if (binds_freely) leave_default_binding();
      initialize_mpi(argc, argv);
      finalizes_mpi = true;
    }
    check_thread_level();
    check_mpi(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  }

  void start_mpi_master(int argc, char** argv) {
    bool const singleton = is_singleton();
    if (launched_as().rank <= 0) Trace::open();
    start_mpi(argc, argv, true);
    auto const world = Comm::borrow(MPI_COMM_WORLD);
    // a rank finds out only now if the program has initialized MPI, or if the launcher does not tell it its rank
    if (world.rank() > 0) {
      stop_reporting_uncaught_errors();
      become_static_rank(argc, argv, false);
    }
    open_hub();
    if (job_may_have_other_hosts() || is_set(Setting::address)) hub->open_to_network();
    if (world.size() == 1) {
      hub->set_source(std::make_unique<SpawnedSource>(hub->source_port(), count_slots(singleton)));
    } else {
      all = world.duplicate();
      connect_static_ranks(*hub, all, count_static_ranks(world.size()), connect_limit);
    }
    publish_hub(!singleton);
  }
};

Runtime::Runtime(int argc, char** argv, Ranks ranks) : state_(std::make_unique<State>()) {
  if (runtime_exists) throw UsageError("there is a farm::Runtime already: a process has one");
  open_standard_descriptors();
  keep_abort_linked();
  keep_watched_calls_linked();
  keep_mpi_calls_linked();
  keep_early_start_linked();
  bool const mpi_initialized = mpi_is_initialized();
  if (!mpi_initialized) {
    if (!uses_mpich()) exclude_absent_fabrics();
    prepare_mpi();
  }
  switch (find_role(ranks, mpi_initialized)) {
    case Role::spawned_rank:
      become_spawned_rank(argc, argv);
    case Role::launched_rank:
      become_launched_rank(argc, argv);
    case Role::static_rank:
      yield_if_oversubscribed();
      become_static_rank(argc, argv, true);
    case Role::launched_master:
      report_uncaught_errors();
      state_->start_launched_master();
      break;
    case Role::mpi_master:
      report_uncaught_errors();
      state_->start_mpi_master(argc, argv);
      break;
    case Role::participant:
      state_->start_mpi(argc, argv, false);
  }
  runtime_exists = true;
}

Runtime::~Runtime() {
  if (getpid() != state_->owner) {  // a forked child: threads, MPI and files are the parent's
    static_cast<void>(state_.release());
    return;
  }
  Hub::set_instance(nullptr);
  bool const stuck = state_->hub && !state_->hub->close();
  runtime_exists = false;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (state_->finalizes_mpi && finalized == 0) {
    if (stuck) {  // MPI_Comm_spawn never comes back, or a host is lost
      leave_without_mpi();
    } else {
      state_->all = {};
      MPI_Finalize();  // static ranks end after it, and what they print meanwhile is still passed on
    }
  }
  if (state_->hub) state_->hub->stop();
  stop_reporting_uncaught_errors();
  StageOwner::instance().close();
  if (int const status = Interrupt::status(); status != 0) {  // in place of what main would return
    Trace::close();
    std::fflush(nullptr);
    _exit(status);
  }
}

}  // namespace farm
