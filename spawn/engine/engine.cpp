#include <farm/detail/engine.hpp>
#include <farm/error.hpp>

#include "spawn/engine/dependent_task.hpp"
#include "spawn/engine/engine_core.hpp"
#include "spawn/engine/task_call.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/sources/output_prefix.hpp"

#include <fmt/format.h>

#include <utility>

namespace farm::detail {
namespace {

void set_options(Task& task, EngineOptions const& engine, TaskOptions const& options, bool all_ranks) {
  auto const ranks = options.ranks == 0 ? engine.ranks_per_task : options.ranks;
  if (ranks < 0 || ranks > engine.max_ranks) {
    throw UsageError(fmt::format("a task of {} ranks was submitted to a pool of {} ranks", ranks, engine.max_ranks));
  }
  if (options.timeout && options.timeout->count() <= 0) throw UsageError("a task's timeout must be above 0");
  if (options.retries < 0) throw UsageError("a task's retries must not be below 0");
  if (options.max_losses < 0) throw UsageError("a task's max_losses must not be below 0");
  task.ranks = ranks;
  task.priority = options.priority;
  task.all_ranks = all_ranks;
  if (options.timeout) task.make_rare().timeout = *options.timeout;
  if (options.retries > 0) task.make_rare().retries = options.retries;
  if (!options.name.empty()) task.make_rare().name = options.name;
  if (options.max_losses > 0) task.make_rare().max_losses = options.max_losses;
  if (options.rerun_after_exit) task.make_rare().rerun_after_exit = options.rerun_after_exit;
}

}  // namespace

Engine::Engine(EngineOptions options) : Engine(std::move(options), RankOwner::runtime, Hub::instance(), nullptr) {}

Engine::Engine(EngineOptions options, std::shared_ptr<Hub> const& hub)
    : Engine(std::move(options), RankOwner::caller, *hub, hub) {}

Engine::Engine(EngineOptions options, RankOwner rank_owner, Hub& hub, std::shared_ptr<Hub> hub_keeper) {
  auto const& source = hub.source(options.workers.source);
  if (!options.workers.launcher.empty() && source.kind() != Source::launched) {
    throw UsageError(
        "launcher is for launched groups: give source = Source::launched with it, or set FARM_SOURCE=launched");
  }
  check_options(options, source.slots());
  source.check(options.max_ranks, options.workers);
  options.workers.output_directory = claim_output_prefix(options.workers);  // sources pass it to the ranks
  core_ = std::make_shared<EngineCore>(std::move(options), rank_owner, hub, std::move(hub_keeper));
  core_->begin();
}

Engine::~Engine() {
  shutdown(true, false);
  if (!core_->is_in_owner()) core_->live_for_ever();  // its threads and locks are the parent's
}

void Engine::make_cancellable(Task& task) const {
  if (core_->rank_owner() == RankOwner::caller) {
    throw UsageError("cancellable: the ranks of a communicator are the program's own, and are not ended by the farm");
  }
  task.cancellable = true;
  task.make_rare().stop = [core = std::weak_ptr{core_}](Task& stopped) {
    if (auto const living = core.lock()) living->stop(TaskPtr{&stopped});
  };
}

StatePtr Engine::submit(CodeAddress code, PackedCall call, TaskOptions const& task_options, bool all_ranks) {
  TaskPtr task{new Task{code, {}}};
  set_options(*task, options(), task_options, all_ranks);
  if (task_options.cancellable) make_cancellable(*task);
  set_call(*task, std::move(call));
  return core_->submit(std::move(task));
}

StatePtr Engine::submit_after(ArgumentSources const& sources, CodeAddress code, std::function<PackedCall()> make_call,
                              TaskOptions const& task_options, bool all_ranks) {
  IntrusivePtr<DependentTask> task{new DependentTask{code, sources.states}};
  set_options(*task, options(), task_options, all_ranks);
  if (task_options.cancellable) make_cancellable(*task);
  return core_->submit_after(sources, std::move(make_call), std::move(task));
}

void Engine::terminate() { core_->terminate(); }

void Engine::bootup(bool wait) { core_->boot(wait); }

void Engine::shutdown(bool wait, bool cancel_futures) {
  if (!core_->is_in_owner()) return;
  core_->shut_down(cancel_futures);
  if (wait) core_->wait_drained();
}

bool Engine::is_usable() const { return core_->is_usable(); }
Statistics Engine::statistics() const { return core_->statistics(); }
EngineOptions const& Engine::options() const { return core_->options(); }

}  // namespace farm::detail
