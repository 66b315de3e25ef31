#pragma once

#include <farm/detail/mapping_executor.hpp>
#include <farm/executor_options.hpp>

namespace farm {

/// An executor of up to `max_workers` ranks, each of which runs one task at a time. It has submit, maps that return
/// lazy ranges, and batches.
///
/// Thread-safe, except for moving and destroying it. A moved-from executor throws UsageError. Construct, use and
/// destroy it in the master, while its Runtime exists. The destructor calls shutdown(), which blocks until all tasks
/// are done.
class MPIPoolExecutor : public detail::MappingExecutor {
 public:
  /// The options of an MPIPoolExecutor.
  using Options = ExecutorOptions;

  /// Constructs the executor; starts no rank yet. Throws UsageError if an option is out of range or there is no
  /// Runtime; throws SpawnError if there are too few slots.
  explicit MPIPoolExecutor(Options const& options) : MappingExecutor(detail::make_engine(options), "MPIPoolExecutor") {}
  /// Constructs an executor with default options.
  MPIPoolExecutor() : MPIPoolExecutor(Options{}) {}
};

}  // namespace farm
