#pragma once

#include <farm/detail/submitting_executor.hpp>
#include <farm/executor_options.hpp>

namespace farm {

/// An executor of up to `max_workers` ranks for serial functions. Each task runs on the next rank that is free. It has
/// submit only.
///
/// Thread-safe, except for moving and destroying it. A moved-from executor throws UsageError. Construct, use and
/// destroy it in the master, while its Runtime exists. The destructor calls shutdown(), which blocks until all tasks
/// are done.
class PoolExecutor : public detail::SubmittingExecutor {
 public:
  /// The options of a PoolExecutor.
  using Options = ExecutorOptions;

  /// Constructs the executor; starts no rank yet. Throws UsageError if an option is out of range or there is no
  /// Runtime; throws SpawnError if there are too few slots.
  explicit PoolExecutor(Options const& options) : SubmittingExecutor(detail::make_engine(options), "PoolExecutor") {}
  /// Constructs an executor with default options.
  PoolExecutor() : PoolExecutor(Options{}) {}
};

}  // namespace farm
