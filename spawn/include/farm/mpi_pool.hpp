#pragma once

#include <farm/detail/over_comm.hpp>
#include <farm/detail/pool_functions.hpp>

namespace farm {

/// A pool with the functions of a multiprocessing.Pool, whose workers are the ranks of a communicator, in a program in
/// which all ranks take part. Construction, errors and thread-safety are as for an MPIExecutor. The workers go on when
/// the root has called join() or destroyed the pool.
class MPIPool : public detail::OverComm<detail::PoolFunctions> {
 public:
  /// Starts the session. Collective over options.comm.
  explicit MPIPool(CommOptions const& options = {}) : OverComm(options, "MPIPool") {}

  /// Blocks until all tasks have ended; then the workers leave their constructors and go on. Throws UsageError before
  /// close() or terminate().
  void join() {
    PoolFunctions::join();
    shutdown();
  }
};

}  // namespace farm
