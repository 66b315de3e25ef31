#pragma once

#include <farm/detail/pool_functions.hpp>
#include <farm/executor_options.hpp>

namespace farm {

/// A pool of up to `max_workers` ranks for serial functions, with the functions of a multiprocessing.Pool.
///
/// Thread-safe, except for moving and destroying it. A moved-from pool throws UsageError. Construct, use and destroy it
/// in the master, while its Runtime exists. The destructor calls shutdown(), which blocks until all tasks are done.
class Pool : public detail::PoolFunctions {
 public:
  /// The options of a Pool.
  using Options = ExecutorOptions;

  /// Constructs the pool; starts no rank yet. Throws UsageError if an option is out of range or there is no Runtime;
  /// throws SpawnError if there are too few slots.
  explicit Pool(Options const& options) : PoolFunctions(detail::make_engine(options), "Pool") {}
  /// Constructs a pool with default options.
  Pool() : Pool(Options{}) {}
};

}  // namespace farm
