#pragma once

/// The calls of MPI functions by which a task would take MPI from the tasks after it: the farm defines these functions
/// itself, in front of MPI's, which remain reachable by their PMPI names.
namespace farm::detail {

/// Does nothing. The Runtime calls it so that the linker includes our functions in every program that has a Runtime.
void keep_mpi_calls_linked();

/// Returns true if a task has made a communicator since the last call. Knows of the functions that TaskCallsMpi limits.
[[nodiscard]] bool take_comm_was_made() noexcept;

/// While an object of this type exists, a task runs:
/// - MPI_Init and MPI_Finalize succeed and do nothing. The farm initializes and finalizes MPI.
/// - MPI_Comm_dup, MPI_Comm_split and their like fail on all ranks of a communicator if one of these ranks has too many
///   communicators. They find out in every 256th call per communicator. Open MPI 4.1 is of no use after it has run out
///   of communicators: ranks wait for each other for ever, or crash.
class TaskCallsMpi {
 public:
  TaskCallsMpi() noexcept;
  TaskCallsMpi(TaskCallsMpi const&) = delete;
  TaskCallsMpi& operator=(TaskCallsMpi const&) = delete;
  ~TaskCallsMpi();

  /// Returns the name of the last function that was called and did nothing; null if there was none.
  [[nodiscard]] char const* refused() const noexcept;
};

}  // namespace farm::detail
