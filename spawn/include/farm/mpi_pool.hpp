#pragma once

#include <farm/detail/over_comm.hpp>
#include <farm/detail/pool_functions.hpp>

namespace farm {

/// The functions of a multiprocessing.Pool over the ranks of a communicator, in a program in which all ranks take part.
/// What is said of MPIExecutor is true of it: the workers go on when the root has called join(), or destroys it.
class MPIPool : public detail::OverComm<detail::PoolFunctions> {
 public:
  explicit MPIPool(CommOptions const& options = {}) : OverComm(options, "MPIPool") {}

  /// As that of Pool; the workers go on then.
  void join() {
    PoolFunctions::join();
    shutdown();
  }
};

}  // namespace farm
