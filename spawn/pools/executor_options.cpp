#include <farm/error.hpp>
#include <farm/executor_options.hpp>

#include <fmt/format.h>

namespace farm::detail {

std::shared_ptr<Engine> make_engine(ExecutorOptions const& options) {
  if (options.max_workers < 0) {
    throw UsageError(fmt::format("max_workers is {}: a number above 0 is expected", options.max_workers));
  }
  if (options.tasks_per_worker < 0) {
    throw UsageError(fmt::format("tasks_per_worker is {}: a number above 0 is expected, or 0 for no limit",
                                 options.tasks_per_worker));
  }
  return std::make_shared<Engine>(EngineOptions{
      .max_ranks = options.max_workers == 0 ? default_max_ranks(options.workers.source) : options.max_workers,
      .max_ranks_is = "max_workers",
      .tasks_per_group = options.tasks_per_worker,
      .queue_limit = options.queue_limit,
      .initializer = options.initializer,
      .workers = options.workers});
}

}  // namespace farm::detail
