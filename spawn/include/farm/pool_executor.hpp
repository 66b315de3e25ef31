#pragma once

#include <farm/detail/submitting_executor.hpp>
#include <farm/executor_options.hpp>

namespace farm {

/// Serial functions, one per task, on `max_workers` spawned ranks; a free one takes the next task.
///
/// Thread-safe, but for being moved and destroyed. A moved-from one throws UsageError. To be made, used and destroyed
/// in the master, while its Runtime lives; the destructor is shutdown(): it blocks until all tasks are done.
class PoolExecutor : public detail::SubmittingExecutor {
 public:
  using Options = ExecutorOptions;

  /// Starts nothing yet. Throws UsageError where an option is out of range or there is no Runtime, SpawnError where
  /// there are too few slots.
  explicit PoolExecutor(Options const& options) : SubmittingExecutor(detail::make_engine(options), "PoolExecutor") {}
  PoolExecutor() : PoolExecutor(Options{}) {}
};

}  // namespace farm
