#pragma once

#include <farm/detail/mapping_executor.hpp>
#include <farm/executor_options.hpp>

namespace farm {

/// `max_workers` spawned ranks, one per task: submit, maps that are lazy ranges, batches.
///
/// Thread-safe, but for being moved and destroyed. A moved-from one throws UsageError. To be made, used and destroyed
/// in the master, while its Runtime lives; the destructor is shutdown(): it blocks until all tasks are done.
class MPIPoolExecutor : public detail::MappingExecutor {
 public:
  using Options = ExecutorOptions;

  /// Starts nothing yet. Throws UsageError where an option is out of range or there is no Runtime, SpawnError where
  /// there are too few slots.
  explicit MPIPoolExecutor(Options const& options) : MappingExecutor(detail::make_engine(options), "MPIPoolExecutor") {}
  MPIPoolExecutor() : MPIPoolExecutor(Options{}) {}
};

}  // namespace farm
