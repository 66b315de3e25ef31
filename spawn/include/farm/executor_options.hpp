#pragma once

#include <farm/detail/engine.hpp>
#include <farm/initializer.hpp>
#include <farm/options.hpp>
#include <farm/worker_options.hpp>

#include <cstdint>
#include <memory>

namespace farm {

/// The options of the executors and pools that run serial functions. Each of their workers is a group of one rank.
struct ExecutorOptions {
  /// The largest number of workers alive at once. 0: FARM_MAX_WORKERS; if that is not set, the slots of this job less
  /// the master's; if those are not limited, the number of cores.
  int max_workers = 0;
  /// The number of tasks after which a fresh worker replaces a worker. 0: never.
  std::int64_t tasks_per_worker = 0;
  /// Whether a task also runs again after it has ended its process itself, with exit(), a Fortran STOP or MPI_Abort. By
  /// default it fails with GroupLost at once. A task may say otherwise with TaskOptions::rerun_after_exit.
  bool rerun_after_exit = false;
  /// The largest number of tasks queued or running. At this limit submit() blocks or throws QueueFull.
  QueueLimit queue_limit{};
  /// Runs on every worker before its first task.
  Initializer initializer{};
  /// How and with what environment the workers are started.
  WorkerOptions workers{};
};

namespace detail {

/// Makes the engine of an executor or pool; starts no rank yet. Throws UsageError if an option is out of range or there
/// is no Runtime; throws SpawnError if there are too few slots.
[[nodiscard]] std::shared_ptr<Engine> make_engine(ExecutorOptions const& options);

}  // namespace detail
}  // namespace farm
