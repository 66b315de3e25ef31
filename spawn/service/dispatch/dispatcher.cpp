#include "spawn/service/dispatch/dispatcher.hpp"

#include "core/task/task.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/by_name/error_record.hpp"
#include "spawn/service/dispatch/input_reader.hpp"
#include "spawn/service/dispatch/task_kind_runner.hpp"

#include <farm/detail/log.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The pool gets tasks for about this time, and no more than so many.
constexpr double seconds_ahead = 0.05;
constexpr std::size_t most_ahead = 8192;
constexpr std::size_t batch = 2048;
/// A task that runs for so long is recorded as begun, so that another server knows that it had started.
constexpr auto begun_interval = 250ms;
/// From a failed start of groups to the next try. Doubles up to the longest.
constexpr auto first_pause = 1s;
constexpr auto longest_pause = 60s;

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string error_json(char const* type, std::string const& text) {
  TextValue::Members error;
  error.add("type", {.value = std::string{type}});
  error.add("text", {.value = with_valid_utf8(text)});
  error.add("rank", {});
  error.add("host", {});
  return to_json(error);
}

/// Returns why groups cannot be started, if that has ended the task; empty otherwise.
std::string start_problem(FutureState const& state) {
  if (state.status() != FutureState::Status::error) return {};
  auto const* const error = std::get_if<std::exception_ptr>(&state.result());
  if (error == nullptr || *error == nullptr) return {};
  try {
    std::rethrow_exception(*error);
  } catch (SpawnError const& failure) {
    return failure.what();
  } catch (...) {
    return {};
  }
}

}  // namespace

struct Dispatcher::Impl {
  Impl(JobQueue& the_queue, Store& the_store, Options the_options)
      : queue(the_queue),
        store(the_store),
        options(std::move(the_options)),
        inputs(the_store),
        pool(options.outlive ? std::make_unique<NamedTaskPool>(options.pool, *options.outlive)
                             : std::make_unique<NamedTaskPool>(options.pool)) {}

  struct InPool {
    StatePtr state;
    std::shared_ptr<TaskKindRunner const> runner;
    std::uint32_t earlier_attempts = 0;
    bool is_begun = false;  ///< and recorded so
  };

  void run();
  void feed();
  void submit(ReadyTask const& ready, TaskName const& name, TaggedSubmission::Kind kind);
  void take_ended();
  void take_one(std::uint64_t tag, InPool const& task, std::vector<TaskEnd>& ends, std::vector<TaskName>& back);
  void fail(ReadyTask const& ready, std::string const& error);
  void record_begun();
  void stop_tasks();
  void cancel_tasks(std::vector<TaskName> const& names);
  void watch_hosts(std::vector<GroupView> const& views);
  void find_claimed(std::vector<TaskClaim> const& claims, std::function<void(std::vector<StatePtr>)> const& answer);
  StatePtr claim(TaskClaim const& claim);
  [[nodiscard]] std::shared_ptr<TaskKindRunner const> runner_of(ReadyTask const& ready);
  [[nodiscard]] std::size_t window();
  [[nodiscard]] std::string hosts_of(std::uint64_t group);
  void notify() {
    std::scoped_lock const lock{mutex};
    is_woken = true;
    wake.notify_one();
  }

  JobQueue& queue;
  Store& store;
  Options options;

  // Used by the dispatcher's thread only.
  InputReader inputs;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::shared_ptr<TaskKindRunner const>> runners;
  std::unordered_map<std::uint64_t, InPool> in_pool;  ///< by tag
  double rate = 0;                                    ///< of ends, per second
  std::size_t ended_lately = 0;
  Clock::time_point rated_at = Clock::now();
  Clock::time_point begun_at = Clock::now();
  Clock::time_point paused_until{};
  Clock::duration pause = first_pause;

  mutable std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable stopped_changed;
  bool is_woken = false;
  bool is_started = false;
  bool is_resolved = true;
  bool must_quit = false;
  std::optional<How> stopping;
  std::optional<How> stopped_as;  ///< what was done about the tasks in the pool
  bool is_empty = true;           ///< nothing is in the pool
  std::vector<std::uint64_t> ended;
  std::vector<TaskName> cancelled;
  std::vector<TaskName> recorded;
  std::vector<std::function<void()>> work;  ///< for the dispatcher's thread
  std::string problem;
  std::map<std::uint64_t, std::string> hosts;  ///< of groups, also of those that have gone
  std::size_t taken_over = 0;
  std::set<std::uint64_t> groups_taken_over;
  std::unordered_map<std::uint64_t, StatePtr> unconfirmed;  ///< ended tasks whose ends are not on disk yet

  std::unique_ptr<NamedTaskPool> pool;
  std::thread thread;
};

std::shared_ptr<TaskKindRunner const> Dispatcher::Impl::runner_of(ReadyTask const& ready) {
  auto const key = std::pair{ready.name.job, ready.kind};
  auto const found = runners.find(key);
  if (found != runners.end()) return found->second;
  auto const directory = options.output / std::to_string(ready.name.job);
  std::filesystem::create_directories(directory);
  auto runner = std::make_shared<TaskKindRunner const>(ready.spec->kinds.at(ready.kind), directory);
  if (runners.size() > 1000) runners.clear();
  runners[key] = runner;
  return runner;
}

/// Returns how many tasks are to be in the pool: what its groups do within a moment, and two for each group at least.
std::size_t Dispatcher::Impl::window() {
  auto const groups = static_cast<std::size_t>(std::max(1, pool->max_ranks()));
  auto const ahead = static_cast<std::size_t>(rate * seconds_ahead);
  return std::clamp(ahead, 2 * groups + 2, std::max(most_ahead, 2 * groups + 2));
}

void Dispatcher::Impl::run() {
  for (;;) {
    {
      std::unique_lock lock{mutex};
      wake.wait_for(lock, in_pool.empty() ? Clock::duration{1s} : Clock::duration{begun_interval},
                    [&] { return is_woken || !ended.empty(); });
      is_woken = false;
      if (must_quit) return;
      for (auto const& each : std::exchange(work, {})) {
        lock.unlock();
        each();
        lock.lock();
      }
    }
    take_ended();
    stop_tasks();
    feed();
    record_begun();
    std::scoped_lock const lock{mutex};
    is_empty = in_pool.empty() && ended.empty();
    if (is_empty) stopped_changed.notify_all();
  }
}

void Dispatcher::Impl::feed() {
  {
    std::scoped_lock const lock{mutex};
    if (!is_started || !is_resolved || stopping || Clock::now() < paused_until) return;
  }
  auto const room = window();
  while (in_pool.size() < room) {
    auto const taken = queue.take(std::min(batch, room - in_pool.size()));
    if (taken.empty()) return;
    for (auto const& ready : taken) {
      try {
        submit(ready, ready.name, TaggedSubmission::Kind::queued);
      } catch (ShutdownError const&) {
        queue.give_back({ready.name});
      } catch (StoreError const& error) {
        fail(ready, error.what());
      } catch (std::exception const& error) {
        fail(ready, text_of(error));
      }
    }
    std::scoped_lock const lock{mutex};
    if (!ended.empty() || stopping) return;
  }
}

void Dispatcher::Impl::submit(ReadyTask const& ready, TaskName const& name, TaggedSubmission::Kind kind) {
  auto runner = runner_of(ready);
  auto const tag = tag_of(name);
  TaggedSubmission const tagged{tag, ready.attempts, kind};
  auto state = runner->submit(*pool, name, inputs.input(name), ready.priority);
  in_pool[tag] = {state, std::move(runner), ready.attempts};
  state->add_callback(Bookkeeping{[this, tag] {
    std::scoped_lock const lock{mutex};
    ended.push_back(tag);
    if (ended.size() == 1) wake.notify_one();
  }});
}

/// The task cannot be submitted, and never will be.
void Dispatcher::Impl::fail(ReadyTask const& ready, std::string const& error) {
  queue.end({{.job = ready.name.job,
              .task = ready.name.task,
              .state = TaskState::failed,
              .attempts = ready.attempts,
              .ended = unix_time(),
              .value = error_json("farm::UsageError", error)}});
}

void Dispatcher::Impl::take_ended() {
  std::vector<std::uint64_t> tags;
  std::vector<TaskName> confirmed;
  {
    std::scoped_lock const lock{mutex};
    tags.swap(ended);
    confirmed.swap(recorded);
  }
  if (!confirmed.empty()) {
    std::vector<StatePtr> states;
    for (auto const& name : confirmed) {
      auto const found = unconfirmed.find(tag_of(name));
      if (found == unconfirmed.end()) continue;
      states.push_back(std::move(found->second));
      unconfirmed.erase(found);
    }
    if (!states.empty()) pool->engine().confirm(std::move(states));
  }
  auto const now = Clock::now();
  std::vector<TaskEnd> ends;
  std::vector<TaskName> back;
  ends.reserve(tags.size());
  for (auto const tag : tags) {
    auto const found = in_pool.find(tag);
    if (found == in_pool.end()) continue;
    auto const task = std::move(found->second);
    in_pool.erase(found);
    take_one(tag, task, ends, back);
  }
  ended_lately += tags.size();
  std::chrono::duration<double> const span = now - rated_at;
  if (span.count() > 0.1) {
    rate = 0.5 * rate + 0.5 * static_cast<double>(ended_lately) / span.count();
    ended_lately = 0;
    rated_at = now;
  }
  if (!ends.empty()) queue.end(std::move(ends));
  if (!back.empty()) queue.give_back(back);
}

void Dispatcher::Impl::take_one(std::uint64_t tag, InPool const& in, std::vector<TaskEnd>& ends,
                                std::vector<TaskName>& back) {
  auto const name = name_of_tag(tag);
  auto const& task = static_cast<Task const&>(*in.state);
  auto const run = run_info(task);
  bool is_stopping = false;
  {
    std::scoped_lock const lock{mutex};
    is_stopping = stopping.has_value();
  }
  auto const why = start_problem(task);
  bool const is_put_off = task.status() == FutureState::Status::cancelled && is_stopping;
  if (is_put_off || (!why.empty() && run.attempts <= in.earlier_attempts)) {
    back.push_back(name);
    if (why.empty()) return;
    std::scoped_lock const lock{mutex};
    if (problem != why) log_error(why);
    problem = why;
    if (paused_until <= Clock::now()) {
      paused_until = Clock::now() + pause;
      pause = std::min<Clock::duration>(2 * pause, longest_pause);
    }
    return;
  }
  TaskEnd end{
      .job = name.job, .task = name.task, .attempts = run.attempts, .ended = unix_time(), .seconds = run.seconds};
  try {
    in.runner->show(in.state, options.arrays, end);
  } catch (std::exception const& error) {  // the disk cannot take its arrays
    end.state = TaskState::failed;
    end.value = error_json("farm::StageError", fmt::format("its result could not be kept: {}", text_of(error)));
  }
  if (run.attempts > in.earlier_attempts) end.started = end.ended - end.seconds;
  if (task.rare) {
    end.group = task.rare->group;
    end.losses = task.rare->losses;
  }
  if (end.group != 0) end.hosts = hosts_of(end.group);
  if (options.outlive && task.rare && task.rare->tag != 0) unconfirmed[tag] = in.state;
  ends.push_back(std::move(end));
  if (run.attempts > in.earlier_attempts) {
    std::scoped_lock const lock{mutex};
    problem.clear();
    pause = first_pause;
  }
}

std::string Dispatcher::Impl::hosts_of(std::uint64_t group) {
  {
    std::scoped_lock const lock{mutex};
    if (auto const found = hosts.find(group); found != hosts.end()) return found->second;
  }
  watch_hosts(pool->engine().groups());
  std::scoped_lock const lock{mutex};
  auto const found = hosts.find(group);
  if (found == hosts.end()) hosts[group] = {};  // it has gone: nobody asks again
  return hosts[group];
}

void Dispatcher::Impl::watch_hosts(std::vector<GroupView> const& views) {
  std::scoped_lock const lock{mutex};
  for (auto const& view : views) {
    if (view.hosts.empty() || view.hosts.front().empty()) continue;
    auto names = view.hosts;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    hosts[view.group] = fmt::format("{}", fmt::join(names, ","));
  }
  while (hosts.size() > 100'000) hosts.erase(hosts.begin());
}

/// Records tasks that have run for a while as begun: their next attempt, under another server, has the next number.
void Dispatcher::Impl::record_begun() {
  auto const now = Clock::now();
  if (in_pool.empty() || now - begun_at < begun_interval) return;
  begun_at = now;
  auto const views = pool->engine().groups();
  watch_hosts(views);
  std::vector<TaskEnd> begun;
  for (auto const& view : views) {
    auto const found = in_pool.find(view.tag);
    if (view.state != GroupView::State::running || view.tag == 0 || found == in_pool.end()) continue;
    if (now - view.since < begun_interval || std::exchange(found->second.is_begun, true)) continue;
    auto const name = name_of_tag(view.tag);
    begun.push_back({.job = name.job,
                     .task = name.task,
                     .state = TaskState::running,
                     .attempts = view.attempt,
                     .started = unix_time() - std::chrono::duration<double>(now - view.since).count(),
                     .group = view.group,
                     .hosts = hosts_of(view.group)});
  }
  if (!begun.empty()) store.add_ends(std::move(begun), [] {});
}

/// Does what stop() and cancel() ask for.
void Dispatcher::Impl::stop_tasks() {
  std::vector<TaskName> names;
  std::optional<How> how;
  {
    std::scoped_lock const lock{mutex};
    names.swap(cancelled);
    if (stopping != stopped_as) how = stopping;
    stopped_as = stopping;
  }
  cancel_tasks(names);
  if (!how) return;
  if (*how == How::drain) {
    pool->shutdown(false, true);
  } else if (*how == How::now || !options.outlive || !pool->engine().outlives()) {
    pool->engine().terminate();
  }
}

void Dispatcher::Impl::cancel_tasks(std::vector<TaskName> const& names) {
  for (auto const& name : names) {
    auto const found = in_pool.find(tag_of(name));
    if (found != in_pool.end()) found->second.state->cancel();
  }
}

/// Submits the tasks that groups of an earlier server have, so that the groups answer for them.
void Dispatcher::Impl::find_claimed(std::vector<TaskClaim> const& claims,
                                    std::function<void(std::vector<StatePtr>)> const& answer) {
  std::vector<StatePtr> states;
  states.reserve(claims.size());
  for (auto const& each : claims) states.push_back(claim(each));
  answer(std::move(states));
}

StatePtr Dispatcher::Impl::claim(TaskClaim const& claim) {
  auto const name = name_of_tag(claim.tag);
  auto ready = queue.take(name);
  if (!ready) return nullptr;
  try {
    ready->attempts = claim.attempt > 0 ? claim.attempt - 1 : 0;
    submit(*ready, name, TaggedSubmission::Kind::claimed);
    std::scoped_lock const lock{mutex};
    ++taken_over;
    return in_pool.at(claim.tag).state;
  } catch (std::exception const& error) {
    log_error(fmt::format("task {}.{} of group {} cannot be taken over: {}", name.job, name.task, claim.group,
                          text_of(error)));
    queue.give_back({name}, true);
    return nullptr;
  }
}

Dispatcher::Dispatcher(JobQueue& queue, Store& store, Options options)
    : impl_(std::make_unique<Impl>(queue, store, std::move(options))) {
  auto* const impl = impl_.get();
  queue.set_ready_callback([impl] { impl->notify(); });
  queue.set_stop_callback([impl](std::vector<TaskName> const& names) {
    std::scoped_lock const lock{impl->mutex};
    impl->cancelled.insert(impl->cancelled.end(), names.begin(), names.end());
    impl->is_woken = true;
    impl->wake.notify_one();
  });
  if (impl_->options.outlive) {
    queue.set_recorded_callback([impl](std::vector<TaskName> const& names) {
      std::scoped_lock const lock{impl->mutex};
      impl->recorded.insert(impl->recorded.end(), names.begin(), names.end());
      impl->is_woken = true;
      impl->wake.notify_one();
    });
  }
  impl_->thread = std::thread{[impl] { impl->run(); }};
}

Dispatcher::~Dispatcher() {
  if (!is_stopped()) stop(How::now);
  wait_stopped(30s);
  impl_->queue.set_ready_callback(nullptr);
  impl_->queue.set_stop_callback(nullptr);
  impl_->queue.set_recorded_callback(nullptr);
  {
    std::scoped_lock const lock{impl_->mutex};
    impl_->must_quit = true;
    impl_->is_woken = true;
    impl_->wake.notify_one();
  }
  impl_->thread.join();
}

void Dispatcher::start() {
  auto* const impl = impl_.get();
  if (impl_->options.outlive && impl_->pool->engine().outlives()) {
    {
      std::scoped_lock const lock{impl_->mutex};
      impl_->is_resolved = false;
    }
    impl_->pool->engine().take_over(
        impl_->options.groups,
        [impl](std::vector<TaskClaim> claims, std::function<void(std::vector<StatePtr>)> answer) {
          std::scoped_lock const lock{impl->mutex};
          impl->work.emplace_back(
              [impl, claims = std::move(claims), answer = std::move(answer)] { impl->find_claimed(claims, answer); });
          impl->is_woken = true;
          impl->wake.notify_one();
        },
        [impl](std::vector<std::uint64_t> const& groups) {
          std::scoped_lock const lock{impl->mutex};
          impl->groups_taken_over.insert(groups.begin(), groups.end());
          impl->is_resolved = true;
          impl->is_woken = true;
          impl->wake.notify_one();
        });
  }
  {
    std::scoped_lock const lock{impl_->mutex};
    impl_->is_started = true;
  }
  impl_->notify();
}

void Dispatcher::stop(How how) {
  {
    std::scoped_lock const lock{impl_->mutex};
    if (impl_->stopping && *impl_->stopping >= how) return;
    impl_->stopping = how;
  }
  impl_->notify();
}

bool Dispatcher::wait_stopped(std::chrono::nanoseconds limit) {
  std::unique_lock lock{impl_->mutex};
  return impl_->stopped_changed.wait_for(lock, limit, [&] {
    return impl_->stopping && impl_->stopped_as == impl_->stopping &&
           (impl_->is_empty || impl_->stopping == How::leave);
  });
}

bool Dispatcher::is_stopped() const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->stopping && impl_->stopped_as == impl_->stopping && impl_->is_empty;
}

bool Dispatcher::is_stopping() const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->stopping.has_value();
}

std::vector<GroupView> Dispatcher::groups() const {
  auto views = impl_->pool->engine().groups();
  {
    std::scoped_lock const lock{impl_->mutex};
    for (auto& view : views) view.taken_over = impl_->groups_taken_over.contains(view.group);
  }
  impl_->watch_hosts(views);
  return views;
}

std::optional<RunningTask> Dispatcher::running(TaskName task) const {
  for (auto const& view : groups()) {
    if (view.state != GroupView::State::running || view.tag != tag_of(task)) continue;
    return RunningTask{view.group, view.hosts, view.attempt, static_cast<double>(view.progress), view.since};
  }
  return std::nullopt;
}

int Dispatcher::most_groups() const { return impl_->pool->engine().most_groups(); }
int Dispatcher::max_ranks() const { return impl_->pool->max_ranks(); }
bool Dispatcher::outlives() const { return impl_->pool->engine().outlives(); }
int Dispatcher::ranks_per_task() const { return impl_->pool->ranks_per_task(); }

std::string Dispatcher::problem() const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->problem;
}

std::size_t Dispatcher::taken_over() const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->taken_over;
}

void Dispatcher::check(JobSpec const& spec, std::vector<TaskSpec> const& tasks) const {
  std::vector<TaskKindRunner> runners;
  for (auto const& kind : spec.kinds) {
    if (kind.ranks > max_ranks()) {
      throw UsageError(
          fmt::format("a task asks for {} ranks, but this server has {} at most", kind.ranks, max_ranks()));
    }
    runners.emplace_back(kind, impl_->options.output);
  }
  for (std::size_t task = 0; task < tasks.size(); ++task) {
    try {
      runners.at(tasks[task].kind).check(tasks[task].input);
    } catch (UsageError const& error) {
      throw UsageError(fmt::format("task {}: {}", task, error.what()));
    }
  }
}

}  // namespace farm::detail
