#include <farm/executor.hpp>

#include "core/base/option_check.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

namespace farm {
namespace {

std::shared_ptr<detail::Engine> engine_for(Executor::Options const& options) {
  detail::check_above_zero("cores", options.cores);
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
  throw UsageError(fmt::format("ranks is {}, but every task of this Executor has {} ranks: leave ranks at 0",
                               options.ranks, cores()));
}

}  // namespace farm
