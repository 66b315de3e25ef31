#include <farm/executor_options.hpp>

#include "core/base/option_check.hpp"

namespace farm::detail {

std::shared_ptr<Engine> make_engine(ExecutorOptions const& options) {
  check_zero_or_above("max_workers", options.max_workers, "the default");
  check_zero_or_above("tasks_per_worker", options.tasks_per_worker, "no limit");
  return std::make_shared<Engine>(EngineOptions{
      .max_ranks = options.max_workers == 0 ? default_max_ranks(options.workers.source) : options.max_workers,
      .max_ranks_is = "max_workers",
      .tasks_per_group = options.tasks_per_worker,
      .rerun_after_exit = options.rerun_after_exit,
      .queue_limit = options.queue_limit,
      .initializer = options.initializer,
      .workers = options.workers});
}

}  // namespace farm::detail
