#include <farm/detail/engine.hpp>
#include <farm/error.hpp>

#include "core/resources/budget.hpp"
#include "spawn/engine/dependent_task.hpp"
#include "spawn/engine/engine_core.hpp"
#include "spawn/engine/task_call.hpp"
#include "spawn/hosts/hosts.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/requests/task_request.hpp"
#include "spawn/requests/task_settings.hpp"
#include "spawn/sources/output_prefix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

/// Returns true if the task needs what the pool's options say, and nothing else.
bool has_default_request(TaskOptions const& options, int ranks, EngineCore const& core) {
  return options.threads == 0 && !options.gpus && !options.memory && options.resources.empty() &&
         ranks == core.default_request().ranks;
}

Request const* request_for(TaskOptions const& options, int ranks, EngineCore const& core) {
  auto const request = request_of(options, ranks, core.options().workers);
  check_request(request, core.hosts(), told_resources().named);
  return keep_request(request);
}

void set_options(Task& task, EngineCore const& core, TaskOptions const& options, bool all_ranks) {
  auto const& engine = core.options();
  auto const ranks = options.ranks == 0 ? engine.ranks_per_task : options.ranks;
  if (ranks < 0 || ranks > engine.max_ranks) {
    throw UsageError(fmt::format("a task of {} ranks was submitted to a pool of {} ranks", ranks, engine.max_ranks));
  }
  if (options.timeout && options.timeout->count() <= 0) throw UsageError("a task's timeout must be above 0");
  if (options.retries < 0) throw UsageError("a task's retries must not be below 0");
  if (options.max_losses < 0) throw UsageError("a task's max_losses must not be below 0");
  auto settings = packed_settings(options);
  task.ranks = ranks;
  task.request = has_default_request(options, ranks, core) ? core.kept_request() : request_for(options, ranks, core);
  task.priority = options.priority;
  task.all_ranks = all_ranks;
  if (options.timeout) task.make_rare().timeout = *options.timeout;
  if (options.retries > 0) task.make_rare().retries = options.retries;
  if (!options.name.empty()) task.make_rare().name = options.name;
  if (!settings.empty()) task.make_rare().settings = std::move(settings);
  if (options.max_losses > 0) task.make_rare().max_losses = options.max_losses;
  if (options.rerun_after_exit) task.make_rare().rerun_after_exit = options.rerun_after_exit;
}

/// Returns what the hosts have that the groups of a pool may use.
std::vector<HostResources> hosts_for(GroupSource const& source, WorkerOptions const& workers) {
  auto hosts = source.resources();
  if (workers.hosts.empty() || source.kind() == Source::spawned) return hosts;
  std::erase_if(hosts, [&](HostResources const& host) {
    return std::none_of(workers.hosts.begin(), workers.hosts.end(),
                        [&](std::string const& name) { return is_name_of(name, host.name); });
  });
  return hosts;
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
  auto hosts = hosts_for(source, options.workers);
  check_request(request_of({}, options.ranks_per_task, options.workers), hosts, told_resources().named);
  core_ = std::make_shared<EngineCore>(std::move(options), std::move(hosts), rank_owner, hub, std::move(hub_keeper));
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
  set_options(*task, *core_, task_options, all_ranks);
  if (task_options.cancellable) make_cancellable(*task);
  set_call(*task, std::move(call));
  return core_->submit(std::move(task));
}

StatePtr Engine::submit_after(ArgumentSources const& sources, CodeAddress code, std::function<PackedCall()> make_call,
                              TaskOptions const& task_options, bool all_ranks) {
  IntrusivePtr<DependentTask> task{new DependentTask{code, sources.states}};
  set_options(*task, *core_, task_options, all_ranks);
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
int Engine::most_groups() const {
  auto const& request = core_->default_request();
  Budget const budget{options().max_ranks, sum_of(core_->hosts())};
  int groups = 0;
  for (Usage used; budget.fits(request, used); ++groups) used.add(request);
  return groups;
}

EngineOptions const& Engine::options() const { return core_->options(); }

}  // namespace farm::detail
