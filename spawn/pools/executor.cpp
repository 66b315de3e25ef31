#include <farm/error.hpp>
#include <farm/executor.hpp>

#include <fmt/format.h>

namespace farm {
namespace {

std::shared_ptr<detail::Engine> engine_for(Executor::Options const& options) {
  if (options.cores <= 0) throw UsageError(fmt::format("cores is {}: a number above 0 is expected", options.cores));
  return std::make_shared<detail::Engine>(detail::EngineOptions{.max_ranks = options.cores,
                                                                .max_ranks_is = "cores",
                                                                .ranks_per_task = options.cores,
                                                                .initializer = options.initializer,
                                                                .workers = options.workers});
}

}  // namespace

Executor::Executor(Options const& options) : EngineOwner(engine_for(options), "Executor") {}

void Executor::check_ranks(TaskOptions const& options) const {
  if (options.ranks == 0 || options.ranks == cores()) return;
  throw UsageError(
      fmt::format("a task of {} ranks was submitted to an Executor whose tasks all have {}", options.ranks, cores()));
}

}  // namespace farm
