#include "spawn/service/queue/job_queue.hpp"

#include "spawn/service/queue/check_submission.hpp"
#include "spawn/service/queue/fair_share.hpp"
#include "spawn/service/queue/queued_job.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

namespace farm::detail {
namespace {

/// Ends of tasks that were never sent are written so many at a time.
constexpr std::size_t batch = 8192;
/// What a task is taken to cost, in seconds, until one of its job has ended.
constexpr double unknown_seconds = 0.01;

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}
double steady_time() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string error_json(char const* type, std::string const& text) {
  nlohmann::json const error{{"type", type}, {"text", text}, {"rank", nullptr}, {"host", nullptr}};
  return error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// What remains to be done once the lock is free: calls of others.
using Deeds = std::vector<std::function<void()>>;

void do_all(Deeds const& deeds) {
  for (auto const& deed : deeds) deed();
}

/// A shared callback that runs when its last copy has gone: once all parts of a change are on disk.
std::shared_ptr<void> when_released(std::function<void()> done) {
  return std::shared_ptr<void>(nullptr, [done = std::move(done)](void*) {
    if (done) done();
  });
}

}  // namespace

struct JobQueue::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(Store& the_store) : store(the_store) {}

  struct Recorded {
    std::uint64_t task;
    TaskState state;
    std::uint32_t attempts;
    double seconds;
    double ended;
    std::string error;  ///< of a failed task
  };

  QueuedJob& job(std::uint64_t number) const {
    auto const found = jobs.find(number);
    if (found == jobs.end()) throw QueueError(QueueError::Why::not_found, fmt::format("there is no job {}", number));
    return *found->second;
  }
  QueuedJob& job_of(TaskName name) const {
    auto& found = job(name.job);
    if (name.task >= found.size()) {
      throw QueueError(QueueError::Why::not_found, fmt::format("job {} has no task {}: its tasks are 0 to {}", name.job,
                                                               name.task, found.size() - 1));
    }
    return found;
  }

  [[nodiscard]] JobInfo info_of(QueuedJob const& job) const;
  [[nodiscard]] std::string why(QueuedJob const& job) const;
  void activate(QueuedJob& job, Deeds& deeds);
  void announce(QueuedJob const& job, Deeds& deeds) const;
  void finish_if_ended(QueuedJob& job, Deeds& deeds);
  void end_unsent(QueuedJob& job, std::vector<std::uint64_t> const& tasks, std::string const& error, Deeds& deeds,
                  std::shared_ptr<void> const& keeper = nullptr);
  void write_ends(std::vector<TaskEnd> ends, Deeds& deeds, std::shared_ptr<void> const& keeper);
  void record(std::uint64_t number, std::vector<Recorded> const& ends);
  void record(QueuedJob& job, Recorded const& end, std::vector<std::uint64_t>& lost);
  void heed_max_fails(QueuedJob& job, Deeds& deeds);
  void wait_for_jobs(QueuedJob& job);
  void begin(QueuedJob& job, Deeds& deeds);
  void insert(std::shared_ptr<QueuedJob> const& job, Deeds& deeds);
  std::uint64_t end_all(QueuedJob& job, std::string const& error, Deeds& deeds);

  Store& store;
  mutable std::mutex mutex;
  std::map<std::uint64_t, std::shared_ptr<QueuedJob>> jobs;
  FairShare share;
  RateMeter meter;
  EndTotals totals;
  struct Submission {
    std::uint64_t number = 0;
    bool is_stored = false;
    std::vector<std::function<void(std::uint64_t, std::string const&)>> waiting{};
  };
  std::map<std::string, Submission> keys;
  std::shared_ptr<QueueListener> listener;
  std::function<void()> ready;
  std::function<void(std::vector<TaskName> const&)> stop;
  std::function<void(std::vector<TaskName> const&)> recorded;
  std::uint64_t next_waiter = 1;
};

void JobQueue::Impl::announce(QueuedJob const& job, Deeds& deeds) const {
  if (listener != nullptr) deeds.emplace_back([l = listener, number = job.number()] { l->job_changed(number); });
}

/// The job may have tasks that may run.
void JobQueue::Impl::activate(QueuedJob& job, Deeds& deeds) {
  if (job.is_blocked() || job.number_of_waiting() == 0) return;
  share.add(job);
  if (ready) deeds.push_back(ready);
}

std::string JobQueue::Impl::why(QueuedJob const& job) const {
  if (job.has_ended() || job.state() == TaskState::running) return {};
  if (job.held) return fmt::format("it is held; farm job release {} lets it run", job.number());
  if (!job.waits_for.empty())
    return fmt::format("it waits for job{} {}", job.waits_for.size() == 1 ? "" : "s", fmt::join(job.waits_for, ", "));
  return "its tasks wait for ranks: others run, or groups are being started";
}

JobInfo JobQueue::Impl::info_of(QueuedJob const& job) const {
  JobInfo info{.number = job.number(),
               .spec = job.spec(),
               .tasks = job.size(),
               .state = job.state(),
               .counts = job.shown_counts(),
               .priority = job.priority,
               .submitted = job.submitted,
               .started = job.started,
               .ended = job.has_ended() ? job.ended : 0,
               .rate = job.meter.rate(steady_time()),
               .first_failed = job.first_failed,
               .first_error = job.first_error,
               .why = why(job)};
  auto const& counts = info.counts;
  auto const left = info.tasks - counts[static_cast<std::size_t>(TaskState::finished)] -
                    counts[static_cast<std::size_t>(TaskState::failed)] -
                    counts[static_cast<std::size_t>(TaskState::cancelled)];
  if (left > 0 && info.rate > 0) info.seconds_left = static_cast<double>(left) / info.rate;
  return info;
}

/// Tells those who wait for the end of the job, and lets jobs begin that come after it.
void JobQueue::Impl::finish_if_ended(QueuedJob& job, Deeds& deeds) {
  if (!job.has_ended()) return;
  for (auto& [number, waiter] : job.waiters) deeds.push_back(std::move(waiter));
  job.waiters.clear();
  for (auto const number : std::exchange(job.awaited_by, {})) {
    auto const found = jobs.find(number);
    if (found == jobs.end()) continue;
    auto& other = *found->second;
    if (other.waits_for.erase(job.number()) == 0) continue;
    if (job.state() == TaskState::finished) {
      activate(other, deeds);
    } else {
      other.waits_for.clear();
      end_all(other,
              fmt::format("did not run, because job {}, after which it was to come, {}", job.number(),
                          job.state() == TaskState::failed ? "has failed" : "was cancelled"),
              deeds);
    }
    announce(other, deeds);
  }
}

/// Ends all tasks that have not begun.
std::uint64_t JobQueue::Impl::end_all(QueuedJob& job, std::string const& error, Deeds& deeds) {
  std::vector<std::uint64_t> tasks;
  for (std::uint64_t task = 0; task < job.size(); ++task) {
    auto const state = job.shown_state(task);
    if (!has_ended(state) && state != TaskState::running) tasks.push_back(task);
  }
  end_unsent(job, tasks, error, deeds);
  return tasks.size();
}

/// Cancels tasks that no group has got.
void JobQueue::Impl::end_unsent(QueuedJob& job, std::vector<std::uint64_t> const& tasks, std::string const& error,
                                Deeds& deeds, std::shared_ptr<void> const& keeper) {
  auto const value = error_json("farm::CancelledError", error);
  auto const now = unix_time();
  std::vector<TaskEnd> ends;
  for (auto const task : tasks) {
    if (!job.mark_ending(task)) continue;
    ends.push_back({.job = job.number(),
                    .task = task,
                    .state = TaskState::cancelled,
                    .attempts = job.attempts(task),
                    .ended = now,
                    .value = value});
    if (ends.size() == batch) write_ends(std::exchange(ends, {}), deeds, keeper);
  }
  if (!ends.empty()) write_ends(std::move(ends), deeds, keeper);
}

/// Writes ends of one job, and records them once they are on disk.
void JobQueue::Impl::write_ends(std::vector<TaskEnd> ends, Deeds& deeds, std::shared_ptr<void> const& keeper) {
  std::vector<Recorded> light;
  light.reserve(ends.size());
  for (auto const& each : ends) {
    light.push_back({each.task, each.state, each.attempts, each.seconds, each.ended,
                     each.state == TaskState::failed ? each.value : std::string{}});
  }
  auto const number = ends.front().job;
  deeds.emplace_back([this, number, keeper, light = std::move(light), ends = std::move(ends)]() mutable {
    store.add_ends(std::move(ends), [weak = weak_from_this(), number, keeper, light = std::move(light)] {
      if (auto const self = weak.lock()) self->record(number, light);
    });
  });
}

void JobQueue::Impl::record(QueuedJob& job, Recorded const& end, std::vector<std::uint64_t>& lost) {
  if (end.task >= job.size()) return;
  auto const needing = job.record(end.task, end.state);
  lost.insert(lost.end(), needing.begin(), needing.end());
  job.set_attempts(end.task, end.attempts);
  job.ended = std::max(job.ended, end.ended);
  if (end.state == TaskState::failed && !job.first_failed) {
    job.first_failed = end.task;
    job.first_error = end.error;
  }
  if (end.seconds > 0) job.mean_seconds += (end.seconds - job.mean_seconds) * (job.mean_seconds == 0 ? 1 : 0.05);
}

/// Ends of tasks of one job are on disk. Runs on the store's thread.
void JobQueue::Impl::record(std::uint64_t number, std::vector<Recorded> const& ends) {
  Deeds deeds;
  {
    std::scoped_lock const lock{mutex};
    auto const found = jobs.find(number);
    if (found == jobs.end()) return;
    auto& job = *found->second;
    std::vector<std::uint64_t> lost;
    std::uint64_t first_lost_by = 0;
    for (auto const& end : ends) {
      if (has_ended(end.state)) {
        ++totals.tasks.at(static_cast<std::size_t>(end.state));
        totals.seconds += end.seconds;
      }
      auto const before = lost.size();
      record(job, end, lost);
      if (before == 0 && !lost.empty()) first_lost_by = end.task;
    }
    auto const now = steady_time();
    job.meter.add(now, ends.size());
    meter.add(now, ends.size());
    end_unsent(job, lost, fmt::format("did not run, because task {}, which it needs, has not finished", first_lost_by),
               deeds);
    heed_max_fails(job, deeds);
    activate(job, deeds);
    finish_if_ended(job, deeds);
    announce(job, deeds);
    if (listener != nullptr) {
      std::vector<std::pair<std::uint64_t, TaskState>> list;
      list.reserve(ends.size());
      for (auto const& end : ends) list.emplace_back(end.task, end.state);
      deeds.emplace_back([l = listener, number, list = std::move(list)] { l->tasks_ended(number, list); });
    }
    if (recorded) {
      std::vector<TaskName> names;
      names.reserve(ends.size());
      for (auto const& end : ends) names.push_back({number, end.task});
      deeds.emplace_back([f = recorded, names = std::move(names)] { f(names); });
    }
  }
  do_all(deeds);
}

void JobQueue::Impl::heed_max_fails(QueuedJob& job, Deeds& deeds) {
  auto const most = job.spec()->max_fails;
  auto const counts = job.shown_counts();
  if (most <= 0 || counts[static_cast<std::size_t>(TaskState::failed)] < static_cast<std::uint64_t>(most)) return;
  auto const open = counts[static_cast<std::size_t>(TaskState::waiting)] +
                    counts[static_cast<std::size_t>(TaskState::blocked)] +
                    counts[static_cast<std::size_t>(TaskState::held)];
  if (open > 0)
    end_all(job, fmt::format("did not run, because {} tasks of its job have failed (max_fails)", most), deeds);
}

/// Finds out which of the jobs that must come first have not finished.
void JobQueue::Impl::wait_for_jobs(QueuedJob& job) {
  for (auto const number : job.spec()->after) {
    auto const found = jobs.find(number);
    if (found == jobs.end() || found->second->state() == TaskState::finished) continue;
    job.waits_for.insert(number);
    found->second->awaited_by.push_back(job.number());
  }
}

/// The job has tasks that wait: they may run, or wait for other jobs.
void JobQueue::Impl::begin(QueuedJob& job, Deeds& deeds) {
  wait_for_jobs(job);
  for (auto const number : std::set{job.waits_for}) {
    if (jobs.at(number)->has_ended()) finish_if_ended(*jobs.at(number), deeds);  // it has failed: this one cannot begin
  }
  activate(job, deeds);
  announce(job, deeds);
}

void JobQueue::Impl::insert(std::shared_ptr<QueuedJob> const& job, Deeds& deeds) {
  jobs[job->number()] = job;
  begin(*job, deeds);
}

JobQueue::JobQueue(Store& store, std::vector<LoadedJob> jobs) : impl_(std::make_shared<Impl>(store)) {
  Deeds deeds;
  {
    std::scoped_lock const lock{impl_->mutex};
    for (auto const& loaded : jobs) {
      auto const job = std::make_shared<QueuedJob>(loaded);
      if (!loaded.job.spec.key.empty()) impl_->keys[loaded.job.spec.key] = {.number = job->number(), .is_stored = true};
      impl_->insert(job, deeds);
      impl_->heed_max_fails(*job, deeds);
      std::vector<std::uint64_t> lost;  // what a server could not record any more: tasks that need one that failed
      for (std::uint64_t task = 0; task < job->size(); ++task) {
        auto const need = job->missing_need(task);
        if (!need || has_ended(job->shown_state(task))) continue;
        auto const state = job->shown_state(*need);
        if (state == TaskState::failed || state == TaskState::cancelled) lost.push_back(task);
      }
      impl_->end_unsent(*job, lost, "did not run, because a task that it needs has not finished", deeds);
    }
  }
  do_all(deeds);
}

JobQueue::~JobQueue() = default;

void JobQueue::set_listener(std::shared_ptr<QueueListener> listener) {
  std::scoped_lock const lock{impl_->mutex};
  impl_->listener = std::move(listener);
}

void JobQueue::submit(JobSpec spec, std::vector<TaskSpec> tasks,
                      std::function<void(std::uint64_t job, std::string const& error)> done) {
  check_submission(spec, tasks);
  auto const key = spec.key;
  StoredJob stored{.spec = std::move(spec), .tasks = tasks.size(), .submitted = unix_time()};
  stored.held = stored.spec.hold;
  stored.priority = stored.spec.priority;
  std::uint64_t known = 0;
  {
    std::scoped_lock const lock{impl_->mutex};
    auto const submitted_before = key.empty() ? impl_->keys.end() : impl_->keys.find(key);
    if (submitted_before == impl_->keys.end()) {
      for (auto const number : stored.spec.after) {
        if (!impl_->jobs.contains(number)) throw UsageError(fmt::format("after: there is no job {}", number));
      }
      stored.number = impl_->store.next_job();
      if (!key.empty()) impl_->keys[key].number = stored.number;
    } else if (submitted_before->second.is_stored) {
      known = submitted_before->second.number;
    } else {
      submitted_before->second.waiting.push_back(std::move(done));
      return;
    }
  }
  if (known != 0) return done(known, {});
  bool const is_listed = std::any_of(tasks.begin(), tasks.end(),
                                     [](TaskSpec const& each) { return each.kind != 0 || !each.needs.empty(); });
  auto const job = std::make_shared<QueuedJob>(stored, is_listed ? tasks : std::vector<TaskSpec>{});
  impl_->store.add_job(std::move(stored), std::move(tasks),
                       [impl = impl_.get(), job, key, done = std::move(done)](std::string const& error) {
                         Deeds deeds;
                         auto const number = error.empty() ? job->number() : 0;
                         {
                           std::scoped_lock const lock{impl->mutex};
                           if (error.empty()) impl->insert(job, deeds);
                           if (auto const found = impl->keys.find(key); found != impl->keys.end() && !key.empty()) {
                             for (auto& each : std::exchange(found->second.waiting, {}))
                               deeds.emplace_back([each = std::move(each), number, error] { each(number, error); });
                             if (error.empty()) {
                               found->second.is_stored = true;
                             } else {
                               impl->keys.erase(found);
                             }
                           }
                         }
                         done(number, error);
                         do_all(deeds);
                       });
}

JobInfo JobQueue::info(std::uint64_t job) const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->info_of(impl_->job(job));
}

std::vector<JobInfo> JobQueue::list(std::uint64_t from, std::size_t limit) const {
  std::scoped_lock const lock{impl_->mutex};
  std::vector<JobInfo> list;
  for (auto it = impl_->jobs.lower_bound(from); it != impl_->jobs.end() && list.size() < limit; ++it)
    list.push_back(impl_->info_of(*it->second));
  return list;
}

std::size_t JobQueue::size() const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->jobs.size();
}

StateCounts JobQueue::counts() const {
  std::scoped_lock const lock{impl_->mutex};
  StateCounts sum{};
  for (auto const& [number, job] : impl_->jobs) {
    auto const counts = job->shown_counts();
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += counts[i];
  }
  return sum;
}

JobQueue::EndTotals JobQueue::end_totals() const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->totals;
}

double JobQueue::rate() const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->meter.rate(steady_time());
}

TaskState JobQueue::state(TaskName task) const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->job_of(task).shown_state(task.task);
}

std::uint32_t JobQueue::attempts(TaskName task) const {
  std::scoped_lock const lock{impl_->mutex};
  return impl_->job_of(task).attempts(task.task);
}

std::pair<std::vector<std::pair<std::uint64_t, TaskState>>, std::optional<std::uint64_t>> JobQueue::tasks(
    std::uint64_t job, std::optional<TaskState> state, std::uint64_t from, std::size_t limit) const {
  std::scoped_lock const lock{impl_->mutex};
  auto const& found = impl_->job(job);
  std::vector<std::pair<std::uint64_t, TaskState>> list;
  for (auto task = from; task < found.size(); ++task) {
    auto const each = found.shown_state(task);
    if (state && each != *state) continue;
    if (list.size() == limit) return {std::move(list), task};
    list.emplace_back(task, each);
  }
  return {std::move(list), std::nullopt};
}

std::string JobQueue::why_not_running(TaskName task) const {
  std::scoped_lock const lock{impl_->mutex};
  auto const& job = impl_->job_of(task);
  auto const state = job.shown_state(task.task);
  if (has_ended(state) || state == TaskState::running) return {};
  if (job.held || !job.waits_for.empty()) return impl_->why(job);
  if (auto const need = job.missing_need(task.task))
    return fmt::format("it needs task {}.{}, which has not finished", task.job, *need);
  return {};
}

std::uint64_t JobQueue::cancel(std::uint64_t number, std::vector<Range> const& ranges, std::function<void()> done) {
  Deeds deeds;
  std::uint64_t count = 0;
  {
    std::scoped_lock const lock{impl_->mutex};
    auto& job = impl_->job(number);
    auto const keeper = when_released(std::move(done));
    std::vector<std::uint64_t> unsent;
    std::vector<TaskName> running;
    for (auto const& range : ranges) {
      for (auto task = range.first; task < job.size() && task <= range.last; ++task) {
        auto const state = job.shown_state(task);
        if (has_ended(state)) continue;
        if (!job.is_running(task)) {
          unsent.push_back(task);
        } else if (job.stopping.insert(task).second) {
          running.push_back({number, task});
        }
      }
    }
    count = unsent.size() + running.size();
    impl_->end_unsent(job, unsent, "it was cancelled", deeds, keeper);
    if (!running.empty() && impl_->stop) deeds.emplace_back([f = impl_->stop, running] { f(running); });
    deeds.emplace_back([keeper] {});
  }
  do_all(deeds);
  return count;
}

std::uint64_t JobQueue::retry(std::uint64_t number, std::vector<Range> const& ranges, std::function<void()> done) {
  Deeds deeds;
  std::uint64_t count = 0;
  {
    std::scoped_lock const lock{impl_->mutex};
    auto& job = impl_->job(number);
    auto const keeper = when_released(std::move(done));
    auto const now = unix_time();
    std::vector<TaskEnd> resets;
    for (auto const& range : ranges) {
      for (auto task = range.first; task < job.size() && task <= range.last; ++task) {
        auto const state = job.shown_state(task);
        if (state != TaskState::failed && state != TaskState::cancelled) continue;
        resets.push_back(
            {.job = number, .task = task, .state = TaskState::waiting, .attempts = job.attempts(task), .ended = now});
        job.reset(task);
        ++count;
        if (resets.size() < batch) continue;
        deeds.emplace_back([this, keeper, resets = std::exchange(resets, {})]() mutable {
          impl_->store.add_ends(std::move(resets), [keeper] {});
        });
      }
    }
    if (!resets.empty()) {
      deeds.emplace_back([this, keeper, resets = std::move(resets)]() mutable {
        impl_->store.add_ends(std::move(resets), [keeper] {});
      });
    }
    if (count > 0) {
      job.first_failed.reset();
      job.first_error.clear();
      impl_->begin(job, deeds);
    }
    deeds.emplace_back([keeper] {});
  }
  do_all(deeds);
  return count;
}

std::uint64_t JobQueue::hold(std::uint64_t number, bool held, std::function<void()> done) {
  Deeds deeds;
  std::uint64_t count = 0;
  {
    std::scoped_lock const lock{impl_->mutex};
    auto& job = impl_->job(number);
    auto const before = job.shown_counts();
    count = held ? before[static_cast<std::size_t>(TaskState::waiting)] +
                       before[static_cast<std::size_t>(TaskState::blocked)]
                 : before[static_cast<std::size_t>(TaskState::held)];
    job.held = held;
    if (held) {
      impl_->share.remove(job);
    } else {
      impl_->activate(job, deeds);
    }
    impl_->announce(job, deeds);
  }
  impl_->store.change({.job = number, .held = held}, [done = std::move(done)](std::string const& /*never*/) {
    if (done) done();
  });
  do_all(deeds);
  return count;
}

void JobQueue::set_priority(std::uint64_t number, int priority, std::function<void()> done) {
  Deeds deeds;
  {
    std::scoped_lock const lock{impl_->mutex};
    auto& job = impl_->job(number);
    impl_->share.remove(job);
    job.priority = priority;
    impl_->activate(job, deeds);
    impl_->announce(job, deeds);
  }
  impl_->store.change({.job = number, .priority = priority}, [done = std::move(done)](std::string const& /*never*/) {
    if (done) done();
  });
  do_all(deeds);
}

void JobQueue::forget(std::uint64_t number, std::function<void()> done) {
  Deeds deeds;
  {
    std::scoped_lock const lock{impl_->mutex};
    auto& job = impl_->job(number);
    if (!job.has_ended()) {
      throw QueueError(QueueError::Why::conflict,
                       fmt::format("job {} has not ended; cancel it first: farm job cancel {}", number, number));
    }
    for (auto& [id, waiter] : job.waiters) deeds.push_back(std::move(waiter));
    impl_->share.remove(job);
    impl_->announce(job, deeds);
    impl_->keys.erase(job.spec()->key);
    impl_->jobs.erase(number);
  }
  impl_->store.change({.job = number, .forgotten = true}, [done = std::move(done)](std::string const& /*error*/) {
    if (done) done();
  });
  do_all(deeds);
}

std::uint64_t JobQueue::when_ended(std::uint64_t number, std::function<void()> f) {
  {
    std::scoped_lock const lock{impl_->mutex};
    auto& job = impl_->job(number);
    if (!job.has_ended()) {
      auto const id = impl_->next_waiter++;
      job.waiters.emplace(id, std::move(f));
      return id;
    }
  }
  f();
  return 0;
}

void JobQueue::stop_waiting(std::uint64_t number, std::uint64_t id) {
  std::scoped_lock const lock{impl_->mutex};
  if (auto const found = impl_->jobs.find(number); found != impl_->jobs.end()) found->second->waiters.erase(id);
}

std::vector<ReadyTask> JobQueue::take(std::size_t most) {
  std::vector<ReadyTask> taken;
  std::set<std::uint64_t> changed;
  Deeds deeds;
  {
    std::scoped_lock const lock{impl_->mutex};
    while (taken.size() < most) {
      auto* const job = impl_->share.next();
      if (job == nullptr) break;
      auto const task = job->take_next();
      if (!task) {
        impl_->share.remove(*job);
        continue;
      }
      auto const kind = job->kind(*task);
      auto const ranks = std::max(1, job->spec()->kinds[kind].ranks);
      impl_->share.charge(*job, ranks * (job->mean_seconds > 0 ? job->mean_seconds : unknown_seconds));
      if (job->started == 0) job->started = unix_time();
      taken.push_back({.name = {job->number(), *task},
                       .kind = kind,
                       .attempts = job->attempts(*task),
                       .priority = job->priority,
                       .spec = job->spec()});
      changed.insert(job->number());
    }
    for (auto const number : changed) impl_->announce(*impl_->jobs.at(number), deeds);
  }
  do_all(deeds);
  return taken;
}

std::optional<ReadyTask> JobQueue::take(TaskName name) {
  std::scoped_lock const lock{impl_->mutex};
  auto const found = impl_->jobs.find(name.job);
  if (found == impl_->jobs.end() || !found->second->take(name.task)) return std::nullopt;
  auto& job = *found->second;
  if (job.started == 0) job.started = unix_time();
  return ReadyTask{.name = name,
                   .kind = job.kind(name.task),
                   .attempts = job.attempts(name.task),
                   .priority = job.priority,
                   .spec = job.spec()};
}

void JobQueue::give_back(std::vector<TaskName> const& tasks, bool started) {
  Deeds deeds;
  {
    std::scoped_lock const lock{impl_->mutex};
    for (auto const& name : tasks) {
      auto const found = impl_->jobs.find(name.job);
      if (found == impl_->jobs.end() || !found->second->is_running(name.task)) continue;
      auto& job = *found->second;
      job.give_back(name.task);
      if (started) job.set_attempts(name.task, job.attempts(name.task) + 1);
      if (job.stopping.erase(name.task) != 0) {
        impl_->end_unsent(job, {name.task}, "it was cancelled", deeds);
      } else {
        impl_->activate(job, deeds);
      }
    }
  }
  do_all(deeds);
}

void JobQueue::end(std::vector<TaskEnd> ends) {
  Deeds deeds;
  {
    std::scoped_lock const lock{impl_->mutex};
    std::map<std::uint64_t, std::vector<TaskEnd>> by_job;
    for (auto& each : ends) {
      auto const found = impl_->jobs.find(each.job);
      if (found == impl_->jobs.end() || !found->second->mark_ending(each.task)) continue;
      by_job[each.job].push_back(std::move(each));
    }
    for (auto& [number, list] : by_job) impl_->write_ends(std::move(list), deeds, nullptr);
  }
  do_all(deeds);
}

void JobQueue::set_ready_callback(std::function<void()> f) {
  std::scoped_lock const lock{impl_->mutex};
  impl_->ready = std::move(f);
}

void JobQueue::set_stop_callback(std::function<void(std::vector<TaskName> const&)> f) {
  std::scoped_lock const lock{impl_->mutex};
  impl_->stop = std::move(f);
}

void JobQueue::set_recorded_callback(std::function<void(std::vector<TaskName> const&)> f) {
  std::scoped_lock const lock{impl_->mutex};
  impl_->recorded = std::move(f);
}

}  // namespace farm::detail
