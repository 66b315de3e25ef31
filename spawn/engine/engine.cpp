#include <farm/detail/engine.hpp>
#include <farm/detail/future_chain.hpp>
#include <farm/detail/log.hpp>
#include <farm/stage_run.hpp>

#include "core/base/settings.hpp"
#include "core/scheduler/scheduler.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/trace/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <future>
#include <limits>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace farm {

double Statistics::busy_share() const {
  double const available = static_cast<double>(wall.count()) * peak_ranks;
  return available > 0 ? static_cast<double>(busy.count()) / available : 0;
}

namespace detail {

namespace {

constexpr int most_ranks = std::numeric_limits<int>::max();

void check_slots(Slots const& slots, int ranks, char const* name) {
  if (!slots.limited || ranks <= slots.total) return;
  throw SpawnError(
      fmt::format("{} is {}, but there are {} slots for ranks besides the master ({}); {}, or ask for fewer", name,
                  ranks, slots.total, slots.origin, slots.remedy(ranks)));
}

void check_workers(WorkerOptions const& workers) {
  for (auto const& [name, value] : workers.environment) {
    if (name.empty() || name.find_first_of("=\n") != std::string::npos) {
      throw UsageError(fmt::format("environment: \"{}\" is no name of a variable", name));
    }
    if (value.find('\n') != std::string::npos)
      throw UsageError(fmt::format("environment: the value of {} has a line break", name));
  }
  for (auto const& [key, value] : workers.mpi_info) {
    if (key == "env") throw UsageError("mpi_info: env is the farm's own; WorkerOptions::environment adds to it");
  }
}

}  // namespace

int default_max_ranks(Source source) { return default_max_ranks(Hub::instance(), source); }

int default_max_ranks(Hub& hub, Source source) {
  auto const& slots = hub.source(source).slots();
  if (auto const value = setting_number(Setting::max_workers, 1, most_ranks, "a number above 0")) {
    check_slots(slots, *value, "FARM_MAX_WORKERS");
    return *value;
  }
  return slots.limited ? std::max(slots.total, 1) : core_count();
}

void check_options(EngineOptions const& options, Slots const& slots) {
  auto const positive = [](int value, char const* name) {
    if (value <= 0) throw UsageError(fmt::format("{} is {}: a number above 0 is expected", name, value));
  };
  positive(options.max_ranks, options.max_ranks_is);
  positive(options.ranks_per_task, "ranks_per_task");
  positive(options.max_losses, "max_losses");
  if (options.ranks_per_task > options.max_ranks) {
    throw UsageError(fmt::format("ranks_per_task is {}, which is more than {}, {}", options.ranks_per_task,
                                 options.max_ranks_is, options.max_ranks));
  }
  if (options.tasks_per_group < 0) {
    throw UsageError(
        fmt::format("tasks_per_group is {}: a number above 0 is expected, or 0 for no limit", options.tasks_per_group));
  }
  if (options.grace.count() < 0) throw UsageError("grace is negative");
  if (options.spawn_timeout.count() <= 0) throw UsageError("spawn_timeout must be above 0");
  check_workers(options.workers);
  check_slots(slots, options.max_ranks, options.max_ranks_is);
}

namespace {

/// A task that waits for the values of other futures before it is queued.
class DependentTask final : public Task {
 public:
  DependentTask(CodeAddress code_address, std::vector<StatePtr> sources)
      : Task(code_address, {}), sources_(std::move(sources)) {}

  void append_sources(std::vector<StatePtr>& sources) const override {
    sources.insert(sources.end(), sources_.begin(), sources_.end());
  }
  void forget_sources() {
    std::vector<StatePtr> sources;  // which may be let go only without the lock
    std::scoped_lock const lock{graph_mutex()};
    sources.swap(sources_);
  }

 private:
  std::vector<StatePtr> sources_;  // guarded by graph_mutex()
};

/// Of a group that has ended with these tasks unanswered.
void clear_stage(GroupId group, std::vector<std::uint64_t> const& tasks) {
  if (auto* const run = current_stage_run()) run->clear(group, tasks);
}

}  // namespace

/// Lives on the hub's thread, and as long as its last group.
class Engine::Core final : public SchedulerPort,
                           public GroupOwner,
                           public HubClient,
                           public std::enable_shared_from_this<Core> {
 public:
  Core(EngineOptions options, std::shared_ptr<Hub> hub)
      : options_(std::move(options)),
        hub_owner_(std::move(hub)),
        hub_(*hub_owner_),
        scheduler_({.max_ranks = options_.max_ranks,
                    .tasks_per_group = static_cast<std::uint64_t>(options_.tasks_per_group),
                    .max_losses = options_.max_losses,
                    .grace = options_.grace},
                   *this),
        timer_(hub_.context()),
        trace_(Trace::current()),
        pool_(trace_ != nullptr ? trace_->add_pool() : 0) {}

  void begin() {
    hub_.post([self = shared_from_this()] { self->hub_.add_client(*self); });
  }

  StatePtr submit(TaskPtr task) {
    StatePtr state{task};
    note_submission(*task);
    bool first = false;
    {
      std::unique_lock lock{mutex_};
      enter(lock, *state);
      if (!began_) began_ = Clock::now();
      first = inbox_.empty();
      inbox_.push_back(std::move(task));
    }
    if (first) {
      hub_.run_or_post([self = shared_from_this()] { self->take_inbox(); });
    }
    return state;
  }

  /// It counts as queued until its sources are done.
  StatePtr submit_after(std::vector<StatePtr> const& sources, std::function<PackedCall()> make_call,
                        IntrusivePtr<DependentTask> task) {
    StatePtr state{task};
    note_submission(*task);
    {
      std::unique_lock lock{mutex_};
      enter(lock, *state);
      if (!began_) began_ = Clock::now();
      awaiting_[task.get()] = task;
    }
    task->add_callback([self = shared_from_this(), raw = task.get()] { self->awaits_no_more(TaskPtr{raw}, false); });
    auto const waiting = std::make_shared<Awaiting>(shared_from_this(), std::move(task), sources, std::move(make_call));
    for (auto const& source : sources) source->add_callback([waiting] { waiting->source_done(); });
    waiting->source_done();
    return state;
  }

  /// The future of a task that may run has ended.
  void stop(TaskPtr task) {
    hub_.post([self = shared_from_this(), task = std::move(task)] {
      self->scheduler_.stop(*task);
      self->watch_clock();
    });
  }

  void shut_down(bool cancel) {
    auto const awaiting = close();
    if (cancel) {
      for (auto const& task : awaiting) task->cancel();
    }
    hub_.post([self = shared_from_this(), cancel] {
      self->take_inbox();
      if (cancel || self->awaits_nothing()) self->scheduler_.shutdown(cancel);
      self->watch_clock();
    });
  }

  void terminate() {
    for (auto const& task : close()) task->cancel();
    hub_.post([self = shared_from_this()] {
      self->take_inbox();
      self->scheduler_.abandon(std::make_exception_ptr(CancelledError("the pool was terminated")));
      self->scheduler_.shutdown(true);
      self->watch_clock();
    });
  }

  void wait_drained() {
    if (hub_.on_thread()) return;  // from a callback: waiting would be for ever
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return drained_; });
  }

  void boot(bool wait) {
    hub_.post([self = shared_from_this()] { self->scheduler_.boot(self->options_.ranks_per_task); });
    if (!wait || hub_.on_thread()) return;
    std::unique_lock lock{mutex_};
    auto const groups = options_.max_ranks / options_.ranks_per_task;
    changed_.wait(lock, [&] { return ready_ + failed_ >= groups || drained_ || broken_with_; });
    if (broken_with_) std::rethrow_exception(broken_with_);
    if (ready_ == 0) throw SpawnError(failure_);
  }

  Statistics statistics() {
    std::promise<Scheduler::Statistics> promise;
    if (hub_.on_thread() || is_drained()) {
      promise.set_value(scheduler_.statistics());
    } else {
      hub_.post([&] { promise.set_value(scheduler_.statistics()); });
    }
    auto const inner = promise.get_future().get();
    std::scoped_lock const lock{mutex_};
    auto const end = Clock::now();
    return {.tasks = inner.tasks_done,
            .groups = inner.groups_started,
            .groups_lost = inner.groups_lost,
            .peak_ranks = inner.peak_ranks,
            .wall = began_ ? end - *began_ : Clock::duration{0},
            .busy = inner.busy};
  }

  [[nodiscard]] EngineOptions const& options() const { return options_; }
  /// The Runtime's, whose ranks are the farm's alone.
  [[nodiscard]] bool has_ranks_of_runtime() const { return hub_owner_.use_count() == 0; }

 private:
  void note_submission(Task& task) const {
    if (trace_ != nullptr) task.make_rare().submitted = Clock::now();
  }

  bool is_drained() {
    std::scoped_lock const lock{mutex_};
    return drained_;
  }

  /// A task whose arguments are not there yet.
  class Awaiting {
   public:
    Awaiting(std::shared_ptr<Core> core, IntrusivePtr<DependentTask> task, std::vector<StatePtr> sources,
             std::function<PackedCall()> make_call)
        : core_(std::move(core)),
          task_(std::move(task)),
          missing_(sources.size() + 1),
          sources_(std::move(sources)),
          make_call_(std::move(make_call)) {}

    void source_done() {
      if (missing_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
      task_->forget_sources();
      if (!task_->done()) resolve();
      sources_.clear();
      make_call_ = nullptr;
    }

   private:
    void resolve() {
      for (std::size_t i = 0; i < sources_.size(); ++i) {
        auto const status = sources_[i]->status();
        if (status == FutureState::Status::error) {
          task_->set_error(std::get<std::exception_ptr>(sources_[i]->result()));
          return;
        }
        if (status == FutureState::Status::cancelled) {
          task_->set_cancelled(std::make_exception_ptr(
              CancelledError(fmt::format("the task was cancelled with what it waited for: future {} of {} among its "
                                         "arguments was cancelled",
                                         i + 1, sources_.size()))));
          return;
        }
      }
      try {
        auto call = make_call_();
        task_->call = std::move(call.bytes);
        task_->listens = call.listens;
        if (!call.keepers.empty()) task_->make_rare().inputs = std::move(call.keepers);
      } catch (...) {
        task_->set_error(std::current_exception());
        return;
      }
      core_->awaits_no_more(task_, true);
    }

    std::shared_ptr<Core> core_;
    IntrusivePtr<DependentTask> task_;
    std::atomic<std::size_t> missing_;
    std::vector<StatePtr> sources_;
    std::function<PackedCall()> make_call_;
  };

  /// Where there may be one more task, which counts from now until it is done.
  void enter(std::unique_lock<std::mutex>& lock, FutureState& state) {
    auto const limit = options_.queue_limit.tasks;
    if (limit != 0 && pending_ >= limit && !shut_down_) {
      if (options_.queue_limit.when_full == WhenFull::refuse || hub_.on_thread())
        throw QueueFull(fmt::format("the pool has {} tasks, which is its queue_limit", pending_));
      room_.wait(lock, [&] { return pending_ < limit || shut_down_; });
    }
    if (shut_down_) throw ShutdownError("the pool was shut down: it takes no more tasks");
    if (limit == 0) return;
    ++pending_;
    state.add_callback([self = shared_from_this()] {
      std::scoped_lock const inner{self->mutex_};
      --self->pending_;
      self->room_.notify_one();
    });
  }

  std::vector<TaskPtr> close() {
    std::scoped_lock const lock{mutex_};
    shut_down_ = true;
    room_.notify_all();
    std::vector<TaskPtr> awaiting;
    for (auto const& [raw, task] : awaiting_) awaiting.push_back(task);
    return awaiting;
  }

  bool awaits_nothing() {
    std::scoped_lock const lock{mutex_};
    return awaiting_.empty();
  }

  /// It is to be queued, or has ended. The last one lets a shutdown go on.
  void awaits_no_more(TaskPtr const& task, bool to_queue) {
    bool first = false;
    bool last = false;
    {
      std::scoped_lock const lock{mutex_};
      if (awaiting_.erase(task.get()) == 0) return;
      first = to_queue && inbox_.empty();
      if (to_queue) inbox_.push_back(task);
      last = shut_down_ && awaiting_.empty();
    }
    if (!first && !last) return;
    hub_.post([self = shared_from_this(), last] {
      self->take_inbox();
      if (last) self->scheduler_.shutdown(false);
      self->watch_clock();
    });
  }

  void take_inbox() {
    auto tasks = std::exchange(taken_, {});  // so that its memory serves again
    {
      std::scoped_lock const lock{mutex_};
      tasks.swap(inbox_);
    }
    scheduler_.submit(std::move(tasks));
    watch_clock();
    tasks.clear();
    if (tasks.capacity() <= most_kept) taken_ = std::move(tasks);
  }

  // SchedulerPort

  void start_group(int ranks) override {
    auto group = hub_.start_group(ranks, options_.max_ranks, options_.workers, options_.spawn_timeout, *this);
    starting_.push_back(group->id());
    if (trace_ != nullptr) trace_->starting(group->id(), ranks);
    groups_[group->id()] = std::move(group);
    keep_alive_ = shared_from_this();
  }

  bool withdraw_start(int ranks) override {
    for (auto it = starting_.begin(); it != starting_.end(); ++it) {
      auto const group = groups_.at(*it);
      if (group->ranks() != ranks || !hub_.withdraw(*group)) continue;
      groups_.erase(*it);
      starting_.erase(it);
      return true;
    }
    return false;
  }

  void send_task(GroupId id, Task const& task, TaskHeader header) override {
    if (trace_ != nullptr) {
      header.traced = 1;
      trace_->sent(id, pool_, task, header.attempt);
    }
    groups_.at(id)->send(task, header);
  }
  void stop_task(GroupId id, std::uint64_t index) override { groups_.at(id)->stop(index); }
  void recall_tasks(GroupId id, std::uint64_t end) override { groups_.at(id)->recall(end); }
  [[nodiscard]] bool can_recall(GroupId id) override { return groups_.at(id)->can_recall(); }
  void will_not_answer(GroupId group, std::uint64_t task) override { unanswered_[group].push_back(task); }
  void end_group(GroupId id) override { groups_.at(id)->end(); }
  void release_group(GroupId id) override { groups_.at(id)->release(); }
  Clock::time_point now() override { return Clock::now(); }
  Clock::time_point roughly_now() override {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return Clock::time_point{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
  }

  void drained() override {
    hub_.remove_client(*this);
    std::scoped_lock const lock{mutex_};
    drained_ = true;
    changed_.notify_all();
  }

  // GroupOwner

  void on_ready(Group& group) override {
    std::erase(starting_, group.id());
    tell_boot([&] { ++ready_; });
    if (trace_ != nullptr) trace_->ready(group.id(), hosts(group));
    scheduler_.group_ready(group.id(), group.ranks());
    watch_clock();
  }

  [[nodiscard]] Initializer const& initializer() const override { return options_.initializer; }

  void on_start_failed(Group& group, StartFailure const& failure) override {
    if (failure.cause == StartFailure::Cause::initializer) break_pool(failure.why);
    std::erase(starting_, group.id());
    failed_starts_.push_back(group.id());
    if (trace_ != nullptr) trace_->not_started(group.id(), failure.why);
    tell_boot([&] {
      ++failed_;
      failure_ = failure.why;
    });
    if (!broken_ && failure.why != logged_)
      log_error(fmt::format("a group of {} could not be started: {}", group.ranks(), failure.why));
    logged_ = failure.why;
    scheduler_.start_failed(group.ranks(), failure.why);
    watch_clock();
  }

  void on_answer(Group& group, int rank, Frame const& frame) override {
    if (frame.type != FrameType::value && frame.type != FrameType::error)
      throw ProtocolError("a rank sends no such frame");
    if (trace_ != nullptr) trace_->answered(group.id(), rank, frame.id, frame.type == FrameType::error);
    scheduler_.answered(group.id(), rank, frame, group.host(rank));
    watch_clock();
  }

  void on_times(Group& group, int rank, Frame const& frame) override {
    if (trace_ != nullptr) trace_->times(group.id(), rank, frame.id, unpack<TaskTimes>(frame.payload));
  }

  void on_staged(Group& group, Frame const& frame) override {
    if (auto* const run = current_stage_run()) {
      scheduler_.keep(group.id(), frame.id, run->adopt(std::filesystem::path{frame.payload}));
    }
  }

  void on_progress(Group& group, std::uint64_t task, double done) override {
    scheduler_.progress(group.id(), task, done);
  }

  void on_recalled(Group& group, std::uint64_t first) override {
    auto const tasks = scheduler_.recalled(group.id(), first);
    if (trace_ != nullptr) trace_->recalled(group.id(), tasks);
    watch_clock();
  }

  void on_lost(Group& group, std::string const& how) override {
    if (trace_ != nullptr) trace_->lost(group.id(), how);
    scheduler_.group_lost(group.id(), how);
    watch_clock();
  }

  void on_gone(Group& group) override {
    auto const id = group.id();
    if (trace_ != nullptr) trace_->gone(id);
    groups_.erase(id);
    if (std::erase(failed_starts_, id) == 0) scheduler_.group_gone(id);
    // not before its ranks have ended, who would go on
    if (auto const unanswered = unanswered_.extract(id)) clear_stage(id, unanswered.mapped());
    watch_clock();
    if (groups_.empty()) keep_alive_.reset();
  }

  // HubClient

  void others_wait(bool waiting) override {
    scheduler_.set_others_wait(waiting);
    if (waiting) scheduler_.release_idle();
  }

  void interrupted(std::exception_ptr const& error) override {
    scheduler_.abandon(error);
    tell_boot([&] { broken_with_ = error; });
  }

  static std::vector<std::string> hosts(Group const& group) {
    std::vector<std::string> all;
    all.reserve(static_cast<std::size_t>(group.ranks()));
    for (int rank = 0; rank < group.ranks(); ++rank) all.push_back(group.host(rank));
    return all;
  }

  /// The initializer fails everywhere, so no task can ever run.
  void break_pool(std::string const& why) {
    if (broken_) return;
    broken_ = true;
    auto const error = std::make_exception_ptr(BrokenExecutor(fmt::format("the initializer failed on {}", why)));
    tell_boot([&] { broken_with_ = error; });
    scheduler_.abandon(error);
  }

  template <class Change>
  void tell_boot(Change change) {
    std::scoped_lock const lock{mutex_};
    change();
    changed_.notify_all();
  }

  void watch_clock() {
    auto const next = scheduler_.next_deadline();
    if (next == watched_) return;
    watched_ = next;
    if (!next) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(*next);
    timer_.async_wait([self = weak_from_this()](asio::error_code const& error) {
      auto const core = self.lock();
      if (error || !core) return;
      core->watched_.reset();
      core->scheduler_.tick(Clock::now());
      core->watch_clock();
    });
  }

  EngineOptions options_;
  std::shared_ptr<Hub> hub_owner_;
  Hub& hub_;
  Scheduler scheduler_;
  asio::steady_timer timer_;
  Trace* trace_;  ///< null: none
  int pool_;      ///< in the trace
  std::optional<Clock::time_point> watched_;
  std::unordered_map<GroupId, std::shared_ptr<Group>> groups_;
  std::unordered_map<GroupId, std::vector<std::uint64_t>> unanswered_;  ///< tasks of groups that are being ended
  static constexpr std::size_t most_kept = 4096;
  std::vector<TaskPtr> taken_;  ///< empty
  std::vector<GroupId> starting_;
  std::vector<GroupId> failed_starts_;  ///< the scheduler knows nothing of them any more
  bool broken_ = false;                 ///< its initializer has failed
  std::string logged_;                  ///< why the last group could not be started
  std::shared_ptr<Core> keep_alive_;    ///< while there are groups, which refer to this

  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable room_;
  std::size_t pending_ = 0;  ///< tasks that are not done, where there is a limit
  std::vector<TaskPtr> inbox_;
  std::unordered_map<Task const*, TaskPtr> awaiting_;  ///< their arguments
  std::optional<Clock::time_point> began_;
  bool shut_down_ = false;
  bool drained_ = false;
  int ready_ = 0;
  int failed_ = 0;
  std::string failure_;
  std::exception_ptr broken_with_;
};

Engine::Engine(EngineOptions options)
    : Engine(std::move(options), std::shared_ptr<Hub>{std::shared_ptr<void>{}, &Hub::instance()}) {}

Engine::Engine(EngineOptions options, std::shared_ptr<Hub> hub) {
  auto const& source = hub->source(options.workers.source);
  if (!options.workers.launcher.empty() && source.kind() != Source::launched) {
    throw UsageError(
        "launcher is for launched groups: give source = Source::launched with it, or set FARM_SOURCE=launched");
  }
  check_options(options, source.slots());
  source.check(options.max_ranks, options.workers);
  core_ = std::make_shared<Core>(std::move(options), std::move(hub));
  core_->begin();
}

Engine::~Engine() { shutdown(true, false); }

namespace {

void set_options(Task& task, EngineOptions const& engine, TaskOptions const& options, bool all_ranks) {
  auto const ranks = options.ranks == 0 ? engine.ranks_per_task : options.ranks;
  if (ranks < 0 || ranks > engine.max_ranks) {
    throw UsageError(fmt::format("a task of {} ranks was submitted to a pool of {} ranks", ranks, engine.max_ranks));
  }
  if (options.timeout && options.timeout->count() <= 0) throw UsageError("a task's timeout must be above 0");
  if (options.retries < 0) throw UsageError("a task's retries must not be below 0");
  task.ranks = ranks;
  task.priority = options.priority;
  task.all_ranks = all_ranks;
  if (options.timeout) task.make_rare().timeout = *options.timeout;
  if (options.retries > 0) task.make_rare().retries = options.retries;
}

}  // namespace

void Engine::make_cancellable(Task& task) const {
  if (!core_->has_ranks_of_runtime()) {
    throw UsageError("cancellable: the ranks of a communicator are the program's own, and are not ended by the farm");
  }
  task.cancellable = true;
  task.make_rare().stop = [core = std::weak_ptr{core_}](Task& stopped) {
    if (auto const living = core.lock()) living->stop(TaskPtr{&stopped});
  };
}

StatePtr Engine::submit(CodeAddress code, PackedCall call, TaskOptions const& task_options, bool all_ranks) {
  TaskPtr task{new Task{code, std::move(call.bytes)}};
  set_options(*task, options(), task_options, all_ranks);
  task->listens = call.listens;
  if (task_options.cancellable) make_cancellable(*task);
  if (!call.keepers.empty()) task->make_rare().inputs = std::move(call.keepers);
  return core_->submit(std::move(task));
}

StatePtr Engine::submit_after(std::vector<StatePtr> const& sources, CodeAddress code,
                              std::function<PackedCall()> make_call, TaskOptions const& task_options, bool all_ranks) {
  IntrusivePtr<DependentTask> task{new DependentTask{code, sources}};
  set_options(*task, options(), task_options, all_ranks);
  if (task_options.cancellable) make_cancellable(*task);
  return core_->submit_after(sources, std::move(make_call), std::move(task));
}

void Engine::terminate() { core_->terminate(); }

void Engine::bootup(bool wait) { core_->boot(wait); }

void Engine::shutdown(bool wait, bool cancel_futures) {
  core_->shut_down(cancel_futures);
  if (wait) core_->wait_drained();
}

Statistics Engine::statistics() const { return core_->statistics(); }
EngineOptions const& Engine::options() const { return core_->options(); }

}  // namespace detail
}  // namespace farm
