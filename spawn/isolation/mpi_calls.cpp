#include "spawn/isolation/mpi_calls.hpp"

#include "spawn/environment/launched_as.hpp"
#include "spawn/isolation/leaked_comms.hpp"
#include "spawn/platform/farm_watched.hpp"
#include "spawn/process/forks_read_nothing.hpp"

#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <optional>

namespace farm::detail {
namespace {

// One of each per process, constant-initialized, because libraries may call these functions before main.
std::atomic<bool> task_runs{false};              // NOLINT
std::atomic<char const*> refused_call{nullptr};  // NOLINT

bool is_in_task() noexcept { return task_runs.load(std::memory_order_relaxed); }

/// Notes that MPI's function `name` was called by a task, and returns true; returns false outside of tasks.
bool refuses(char const* name) noexcept {
  if (!is_in_task()) return false;
  refused_call.store(name, std::memory_order_relaxed);
  return true;
}

int finalize() { return refuses("MPI_Finalize") ? MPI_SUCCESS : PMPI_Finalize(); }

int initialize(int* argc, char*** argv) {
  if (refuses("MPI_Init")) return MPI_SUCCESS;
  std::optional<ForksReadNothing> input;
  if (is_singleton()) input.emplace();
  return PMPI_Init(argc, argv);
}

int initialize_thread(int* argc, char*** argv, int required, int* provided) {
  if (refuses("MPI_Init_thread")) return PMPI_Query_thread(provided);
  std::optional<ForksReadNothing> input;
  if (is_singleton()) input.emplace();
  return PMPI_Init_thread(argc, argv, required, provided);
}

/// Stores the result of an MPI function for Fortran, where `ierror` may be absent.
void store(MPI_Fint* ierror, int code) {
  if (ierror != nullptr) *ierror = code;
}

int add_error(char const* text) {
  int error_class = MPI_ERR_OTHER;
  int code = MPI_ERR_OTHER;
  PMPI_Add_error_class(&error_class);
  PMPI_Add_error_code(error_class, &code);
  PMPI_Add_error_string(code, text);
  return code;
}

/// How many communicators are made out of one before its ranks look how many each has.
constexpr std::intptr_t made_per_look = 256;

/// Counts what is made out of `parent`, in an attribute of it: so its ranks have the same count.
std::intptr_t count_made(MPI_Comm parent) {
  static int const key = [] {
    int created = MPI_KEYVAL_INVALID;
    PMPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, MPI_COMM_NULL_DELETE_FN, &created, nullptr);
    return created;
  }();
  std::intptr_t count = 0;
  int found = 0;
  PMPI_Comm_get_attr(parent, key, static_cast<void*>(&count), &found);
  count = found != 0 ? count + 1 : 1;
  PMPI_Comm_set_attr(parent, key, reinterpret_cast<void*>(count));
  return count;
}

/// Returns true on all ranks of `parent` if one of them has too many communicators. All have just made one.
bool has_too_many(MPI_Comm parent) {
  int is_between_groups = 0;
  PMPI_Comm_test_inter(parent, &is_between_groups);
  if (is_between_groups != 0 || count_made(parent) % made_per_look != 0) return false;
  int too_many = are_too_many_for_tasks() ? 1 : 0;
  PMPI_Allreduce(MPI_IN_PLACE, &too_many, 1, MPI_INT, MPI_MAX, parent);
  return too_many != 0;
}

std::atomic<bool> comm_was_made{false};  // NOLINT: as those above

/// Takes the result of a function that all ranks of `parent` have called to make `fresh`.
int limit(int result, MPI_Comm parent, MPI_Comm* fresh) {
  if (result != MPI_SUCCESS || !is_in_task()) return result;
  comm_was_made.store(true, std::memory_order_relaxed);
  if (!has_too_many(parent)) return result;
  if (*fresh != MPI_COMM_NULL) PMPI_Comm_free(fresh);
  static int const error = add_error(
      "a rank has 12,000 communicators, and a task may make no more: free what tasks make, with MPI_Comm_free");
  PMPI_Comm_call_errhandler(parent, error);
  return error;
}

}  // namespace

void keep_mpi_calls_linked() {}

bool take_comm_was_made() noexcept {
  if (!comm_was_made.load(std::memory_order_relaxed)) return false;
  comm_was_made.store(false, std::memory_order_relaxed);
  return true;
}

TaskCallsMpi::TaskCallsMpi() noexcept {
  refused_call.store(nullptr, std::memory_order_relaxed);
  task_runs.store(true, std::memory_order_relaxed);
}

TaskCallsMpi::~TaskCallsMpi() { task_runs.store(false, std::memory_order_relaxed); }

char const* TaskCallsMpi::refused() const noexcept { return refused_call.load(std::memory_order_relaxed); }

}  // namespace farm::detail

using namespace farm::detail;

extern "C" {

FARM_WATCHED int MPI_Finalize() { return finalize(); }
FARM_WATCHED int MPI_Init(int* argc, char*** argv) { return initialize(argc, argv); }
FARM_WATCHED int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  return initialize_thread(argc, argv, required, provided);
}

// the names that Fortran compilers use
FARM_WATCHED void mpi_finalize_(MPI_Fint* ierror) { store(ierror, finalize()); }
FARM_WATCHED void mpi_finalize_f08_(MPI_Fint* ierror) { mpi_finalize_(ierror); }
FARM_WATCHED void mpi_init_(MPI_Fint* ierror) { store(ierror, initialize(nullptr, nullptr)); }
FARM_WATCHED void mpi_init_f08_(MPI_Fint* ierror) { mpi_init_(ierror); }
FARM_WATCHED void mpi_init_thread_(MPI_Fint const* required, MPI_Fint* provided, MPI_Fint* ierror) {
  int level = MPI_THREAD_SINGLE;
  store(ierror, initialize_thread(nullptr, nullptr, *required, &level));
  *provided = level;
}
FARM_WATCHED void mpi_init_thread_f08_(MPI_Fint const* required, MPI_Fint* provided, MPI_Fint* ierror) {
  mpi_init_thread_(required, provided, ierror);
}

FARM_WATCHED int MPI_Comm_dup(MPI_Comm comm, MPI_Comm* fresh) { return limit(PMPI_Comm_dup(comm, fresh), comm, fresh); }
FARM_WATCHED int MPI_Comm_dup_with_info(MPI_Comm comm, MPI_Info info, MPI_Comm* fresh) {
  return limit(PMPI_Comm_dup_with_info(comm, info, fresh), comm, fresh);
}
FARM_WATCHED int MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm* fresh) {
  return limit(PMPI_Comm_split(comm, color, key, fresh), comm, fresh);
}
FARM_WATCHED int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm* fresh) {
  return limit(PMPI_Comm_split_type(comm, type, key, info, fresh), comm, fresh);
}
FARM_WATCHED int MPI_Comm_create(MPI_Comm comm, MPI_Group group, MPI_Comm* fresh) {
  return limit(PMPI_Comm_create(comm, group, fresh), comm, fresh);
}
FARM_WATCHED int MPI_Cart_create(MPI_Comm comm, int axes, int const dims[], int const periods[], int reorder,
                                 MPI_Comm* fresh) {
  return limit(PMPI_Cart_create(comm, axes, dims, periods, reorder, fresh), comm, fresh);
}
}
