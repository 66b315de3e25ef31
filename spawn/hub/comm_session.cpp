#include "spawn/hub/comm_session.hpp"

#include "spawn/hub/hub.hpp"
#include "spawn/hub/stage_owner.hpp"
#include "spawn/hub/static_ranks.hpp"
#include "spawn/join/join_broadcast.hpp"
#include "spawn/platform/process_role.hpp"
#include "spawn/rank/worker.hpp"
#include "spawn/trace/trace.hpp"

#include <farm/error.hpp>
#include <farm/mpi_error.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <atomic>
#include <chrono>
#include <new>

namespace farm::detail {
namespace {

constexpr std::chrono::seconds connect_limit{60};

std::atomic<bool> in_session{false};  // of this process; in a session of one rank, tasks on another thread read it

void check_mpi_is_usable() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized == 0 || finalized != 0) {
    throw UsageError(
        "MPI is not initialized: make a farm::Runtime{argc, argv, farm::Ranks::take_part} at the start of main");
  }
}

void check_comm(MPI_Comm comm) {
  if (comm == MPI_COMM_NULL) throw UsageError("an executor over MPI_COMM_NULL was asked for: give a communicator");
  int is_inter = 0;
  check_mpi(MPI_Comm_test_inter(comm, &is_inter), "MPI_Comm_test_inter");
  if (is_inter == 0) return;
  throw UsageError(
      "an executor over an intercommunicator was asked for: give an intracommunicator, such as MPI_Intercomm_merge "
      "makes of it");
}

void check_nesting(int size) {
  if (is_rank_process()) throw UsageError("a rank that serves cannot make an executor");
  if (in_session) throw UsageError("an executor over a communicator is in use in this process: shut it down first");
  if (size > 1 && Hub::exists()) {
    throw UsageError(
        "the other ranks serve the pools of the Runtime: for executors over communicators make it with "
        "farm::Ranks::take_part");
  }
}

void check_root(MPI_Comm comm, int root, int size) {
  int range[2] = {root, -root};
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, range, 2, MPI_INT, MPI_MAX, comm), "MPI_Allreduce");
  if (range[0] != -range[1]) throw UsageError(fmt::format("root is {} on this rank, and differs on others", root));
  if (root < 0 || root >= size) throw UsageError(fmt::format("root is {}, but the ranks are 0 to {}", root, size - 1));
}

Slots slots_of(int size) {
  return {.total = size > 1 ? size - 1 : 1,
          .limited = true,
          .origin = size > 1 ? fmt::format("the communicator has {}, of which the root is one", size)
                             : std::string{"the communicator has only this rank, which runs tasks itself"},
          .remedy = [](int ranks) { return fmt::format("use a communicator of {}", ranks + 1); }};
}

}  // namespace

CommSession::CommSession(MPI_Comm comm, int root) {
  check_mpi_is_usable();
  check_comm(comm);
  auto const given = Comm::borrow(comm);
  check_nesting(given.size());
  check_root(comm, root, given.size());
  all_ = given.duplicate();
  check_mpi(MPI_Comm_set_errhandler(all_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  is_root_ = all_.rank() == root;
  in_session = true;
  open_ = true;
  try {
    if (is_root_) {
      Trace::open();
      StageOwner::instance().open();
      hub_ = std::make_shared<Hub>();
      connect_static_ranks(*hub_, all_, slots_of(all_.size()), connect_limit);
    } else {
      bool const released = serve_static_groups(receive_join_info(all_, root), all_) != Leave::master_is_gone;
      open_ = in_session = false;
      if (!released) throw GroupLost(fmt::format("the root, rank {}, is gone", root));
    }
  } catch (...) {
    open_ = in_session = false;
    throw;
  }
}

CommSession::~CommSession() {
  close();
  if (getpid() == owner_) return;
  // a forked child: the hub's thread is the parent's, so neither may be destroyed
  static_cast<void>(new (std::nothrow) std::shared_ptr<Hub>{std::move(hub_)});
  static_cast<void>(new (std::nothrow) Comm{std::move(all_)});
}

void CommSession::close() {
  if (!open_ || getpid() != owner_ || hub_->on_thread()) return;  // a callback would wait for its own thread
  open_ = in_session = false;
  static_cast<void>(hub_->close());
  hub_->stop();
}

}  // namespace farm::detail
