#pragma once

#include <farm/detail/pool_functions.hpp>
#include <farm/executor_options.hpp>

namespace farm {

/// Serial functions on `max_workers` spawned ranks, with the functions of a multiprocessing.Pool.
///
/// Thread-safe, but for being moved and destroyed. A moved-from one throws UsageError. To be made, used and destroyed
/// in the master, while its Runtime lives; the destructor is shutdown(): it blocks until all tasks are done.
class Pool : public detail::PoolFunctions {
 public:
  using Options = ExecutorOptions;

  /// Starts nothing yet. Throws UsageError where an option is out of range or there is no Runtime, SpawnError where
  /// there are too few slots.
  explicit Pool(Options const& options) : PoolFunctions(detail::make_engine(options), "Pool") {}
  Pool() : Pool(Options{}) {}
};

}  // namespace farm
