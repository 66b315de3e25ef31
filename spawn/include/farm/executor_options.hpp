#pragma once

#include <farm/detail/engine.hpp>
#include <farm/initializer.hpp>
#include <farm/worker_options.hpp>

#include <cstdint>
#include <memory>

namespace farm {

/// Of the executors and pools of serial functions, whose workers are one rank each.
struct ExecutorOptions {
  /// Workers alive at once. 0: FARM_MAX_WORKERS, else the slots of this job less one, else the cores.
  int max_workers = 0;
  /// After so many tasks a worker is replaced by a fresh one; 0: never.
  std::int64_t tasks_per_worker = 0;
  /// How many tasks may be there at once; then submit() waits, or refuses.
  QueueLimit queue_limit{};
  /// Called by every worker before its first task.
  Initializer initializer{};
  WorkerOptions workers{};
};

namespace detail {

/// Starts nothing yet. Throws UsageError where an option is out of range or there is no Runtime, SpawnError where there
/// are too few slots.
[[nodiscard]] std::shared_ptr<Engine> make_engine(ExecutorOptions const& options);

}  // namespace detail
}  // namespace farm
