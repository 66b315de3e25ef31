#pragma once

#include <farm/detail/mapping_executor.hpp>
#include <farm/detail/over_comm.hpp>

#include <mpi.h>

#include <memory>

namespace farm {

/// The executor that the root of an MPICommExecutor has: submit, maps that are lazy ranges, batches.
class CommExecutor : public detail::OverComm<detail::MappingExecutor> {
 public:
  explicit CommExecutor(CommOptions const& options) : OverComm(options, "MPICommExecutor") {}
};

/// The ranks of a communicator as an executor, for the time it lives:
///
///     farm::MPICommExecutor executor{MPI_COMM_WORLD, 0};
///     if (executor) executor->submit(f, 42);
///
/// Collective: every rank of the communicator makes it. At the root the constructor returns at once; on all others it
/// returns when the root has shut down, having served tasks meanwhile. Errors are those of MPIExecutor. A communicator
/// of one rank is served by a thread of its process, which asks for MPI_THREAD_MULTIPLE and cannot end a task that runs
/// too long.
class MPICommExecutor {
 public:
  explicit MPICommExecutor(CommOptions const& options = {}) : executor_(options) {}
  explicit MPICommExecutor(MPI_Comm comm, int root = 0) : executor_(CommOptions{.comm = comm, .root = root}) {}

  /// Whether this is the root.
  [[nodiscard]] explicit operator bool() const { return executor_.is_main(); }
  /// What the root uses. On the others its functions throw UsageError.
  [[nodiscard]] CommExecutor* operator->() { return &executor_; }
  [[nodiscard]] CommExecutor& operator*() { return executor_; }

  /// As that of CommExecutor. Nothing on the others.
  void shutdown(bool wait = true, bool cancel_futures = false) { executor_.shutdown(wait, cancel_futures); }

 private:
  CommExecutor executor_;
};

}  // namespace farm
