#pragma once

#include <farm/detail/mapping_executor.hpp>
#include <farm/detail/over_comm.hpp>

#include <mpi.h>

namespace farm {

/// The executor that the root of an MPICommExecutor uses. It has submit, maps that return lazy ranges, and batches.
class CommExecutor : public detail::OverComm<detail::MappingExecutor> {
 public:
  /// Starts the session. Collective over the communicator; MPICommExecutor calls it.
  explicit CommExecutor(CommOptions const& options) : OverComm(options, "MPICommExecutor") {}
};

/// An executor whose workers are the ranks of a communicator, for as long as the object exists:
///
///     farm::MPICommExecutor executor{MPI_COMM_WORLD, 0};
///     if (executor) executor->submit(f, 42);
///
/// Collective: every rank of the communicator constructs it. On the root the constructor returns at once. On every
/// other rank it serves tasks, and returns when the root has shut down. It throws what the constructor of MPIExecutor
/// throws. If the communicator has only one rank, a thread of that process serves the tasks. Such a thread needs
/// MPI_THREAD_MULTIPLE, and a task on it that runs too long cannot be ended.
class MPICommExecutor {
 public:
  /// Starts the session. Collective over options.comm.
  explicit MPICommExecutor(CommOptions const& options = {}) : executor_(options) {}
  /// Starts the session with default options. Collective over `comm`.
  explicit MPICommExecutor(MPI_Comm comm, int root = 0) : executor_(CommOptions{.comm = comm, .root = root}) {}

  /// Returns true on the root.
  [[nodiscard]] explicit operator bool() const { return executor_.is_main(); }
  /// Returns the executor for the root to use. On the other ranks its functions throw UsageError.
  [[nodiscard]] CommExecutor* operator->() { return &executor_; }
  /// Returns the executor for the root to use. On the other ranks its functions throw UsageError.
  [[nodiscard]] CommExecutor& operator*() { return executor_; }

  /// Ends the session on the root, as CommExecutor::shutdown does. Does nothing on the other ranks.
  void shutdown(bool wait = true, bool cancel_futures = false) { executor_.shutdown(wait, cancel_futures); }

 private:
  CommExecutor executor_;
};

}  // namespace farm
