#include "spawn/engine/engine_core.hpp"

#include "core/base/failure.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/rank/staged_message.hpp"
#include "spawn/requests/task_request.hpp"

#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <future>
#include <utility>

namespace farm::detail {
namespace {

/// The inbox keeps memory for so many tasks after it was emptied.
constexpr std::size_t most_kept = 4096;

}  // namespace

EngineCore::EngineCore(EngineOptions options, std::vector<HostResources> hosts, RankOwner rank_owner, Hub& hub,
                       std::shared_ptr<Hub> hub_keeper)
    : options_(std::move(options)),
      hosts_(std::move(hosts)),
      default_request_(request_of({}, options_.ranks_per_task, options_.workers)),
      kept_request_(keep_request(default_request_)),
      rank_owner_(rank_owner),
      hub_keeper_(std::move(hub_keeper)),
      hub_(hub),
      inbox_(std::make_shared<TaskInbox>(options_.queue_limit)),
      scheduler_({.max_ranks = options_.max_ranks,
                  .capacity = sum_of(hosts_),
                  .tasks_per_group = static_cast<std::uint64_t>(options_.tasks_per_group),
                  .max_losses = options_.max_losses,
                  .rerun_after_exit = options_.rerun_after_exit,
                  .grace = options_.grace},
                 *this),
      timer_(hub_.context()) {}

void EngineCore::begin() {
  hub_.post([self = shared_from_this()] { self->hub_.add_client(*self); });
}

StatePtr EngineCore::submit(TaskPtr task) {
  StatePtr state{task};
  auto* const raw = task.get();
  trace_.submitting(*raw);
  bool const was_empty = inbox_->add(std::move(task), may_block());
  trace_.submitted(*raw);
  if (was_empty) hub_.run_or_post([self = shared_from_this()] { self->take_inbox(); });
  return state;
}

StatePtr EngineCore::submit_after(ArgumentSources const& sources, std::function<PackedCall()> make_call,
                                  IntrusivePtr<DependentTask> task) {
  StatePtr state{task};
  trace_.submitting(*task);
  inbox_->add_dependent(TaskPtr{task.get()}, may_block());
  trace_.submitted(*task);
  // the task may end before its sources do: it may be cancelled
  task->add_callback(
      Bookkeeping{[self = shared_from_this(), raw = task.get()] { self->dependent_done(TaskPtr{raw}, false); }});
  auto const countdown = std::make_shared<SourceCountdown>(std::move(task), sources, std::move(make_call));
  struct SourceDone {
    std::shared_ptr<EngineCore> self;
    std::shared_ptr<SourceCountdown> countdown;
    void operator()() const {
      if (countdown->source_done()) self->dependent_done(countdown->task(), true);
    }
    [[nodiscard]] bool is_for_others(StateSet const& states) const { return countdown->is_for_others(states); }
  };
  SourceDone const source_done{shared_from_this(), countdown};
  for (auto const& source : sources.states) source->add_callback(source_done);
  source_done();
  return state;
}

/// Whether submit() may wait for room: the hub's thread would wait for itself.
bool EngineCore::may_block() const { return options_.queue_limit.tasks == 0 || !hub_.on_thread(); }

/// After shut_down() the last dependent task lets the shutdown go on.
void EngineCore::dependent_done(TaskPtr const& task, bool is_to_be_queued) {
  auto const departure = inbox_->remove_dependent(task, is_to_be_queued);
  if (!departure.inbox_was_empty && !departure.last_after_close) return;
  hub_.post([self = shared_from_this(), last = departure.last_after_close] {
    self->take_inbox();
    if (last) self->scheduler_.shutdown(false);
    self->watch_clock();
  });
}

void EngineCore::take_inbox() {
  auto tasks = std::exchange(taken_, {});
  inbox_->take(tasks);
  scheduler_.submit(std::move(tasks));
  watch_clock();
  tasks.clear();
  if (tasks.capacity() <= most_kept) taken_ = std::move(tasks);
}

void EngineCore::stop(TaskPtr task) {
  hub_.post([self = shared_from_this(), task = std::move(task)] {
    self->scheduler_.stop(*task);
    self->watch_clock();
  });
}

void EngineCore::shut_down(bool cancel) {
  auto const dependents = inbox_->close();
  status_.shut_down();
  if (cancel) {
    for (auto const& task : dependents) task->cancel();
  }
  auto const done = std::make_shared<std::promise<void>>();
  hub_.post([self = shared_from_this(), cancel, done] {
    self->take_inbox();
    if (cancel || !self->inbox_->has_dependents()) self->scheduler_.shutdown(cancel);
    self->watch_clock();
    run_after_callbacks([done] { done->set_value(); });
  });
  if (cancel && !hub_.on_thread() && !status_.is_drained()) done->get_future().wait();
}

void EngineCore::terminate() {
  status_.shut_down();
  for (auto const& task : inbox_->close()) task->cancel();
  hub_.post([self = shared_from_this()] {
    self->take_inbox();
    self->scheduler_.abandon(std::make_exception_ptr(CancelledError("the pool was terminated")));
    self->scheduler_.shutdown(true);
    self->watch_clock();
  });
}

void EngineCore::wait_drained() {
  if (!hub_.on_thread()) status_.wait_drained();
}

void EngineCore::boot(bool wait) {
  status_.check_usable();
  auto const boot = std::make_shared<EngineStatus::Boot>();
  hub_.post([self = shared_from_this(), boot] {
    self->scheduler_.boot(self->default_request_);
    self->status_.boot_begun(boot, self->starting_, self->scheduler_.statistics().groups != 0);
  });
  if (wait && !hub_.on_thread()) status_.wait_booted(*boot);
}

Statistics EngineCore::statistics() {
  std::promise<Scheduler::Statistics> promise;
  if (hub_.on_thread() || status_.is_drained()) {
    promise.set_value(scheduler_.statistics());
  } else {
    hub_.post([&] { promise.set_value(scheduler_.statistics()); });
  }
  auto const inner = promise.get_future().get();
  auto const began = inbox_->first_submission();
  return {.tasks = inner.tasks_done,
          .groups = inner.groups_started,
          .groups_lost = inner.groups_lost,
          .peak_ranks = inner.peak_ranks,
          .wall = began ? Clock::now() - *began : Clock::duration{0},
          .busy = inner.busy};
}

void EngineCore::watch_clock() {
  auto const next = scheduler_.next_deadline();
  if (next == watched_) return;
  watched_ = next;
  if (!next) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(*next);
  timer_.async_wait([weak = weak_from_this()](asio::error_code const& error) {
    auto const self = weak.lock();
    if (error || !self) return;
    self->watched_.reset();
    self->scheduler_.tick(Clock::now());
    self->watch_clock();
  });
}

// SchedulerPort

void EngineCore::start_group(Request const& request) {
  auto group = hub_.start_group(request, options_.max_ranks, options_.workers, options_.spawn_timeout, *this, this);
  starting_.push_back(group->id());
  trace_.starting(*group);
  groups_[group->id()] = std::move(group);
  keep_alive_ = shared_from_this();
}

bool EngineCore::withdraw_start(Request const& request) {
  for (auto const id : starting_) {
    auto const group = groups_.at(id);
    if (group->request() != request || !hub_.withdraw(*group)) continue;
    forget_start(id);
    return true;
  }
  return false;
}

/// The start of the group was withdrawn.
void EngineCore::forget_start(GroupId id) {
  groups_.erase(id);
  std::erase(starting_, id);
  status_.start_ended(id, EngineStatus::StartEnd::withdrawn);
}

void EngineCore::send_task(GroupId id, Task const& task, TaskHeader header) {
  trace_.sent(id, task, header);
  groups_.at(id)->send(task, header);
}

void EngineCore::stop_task(GroupId id, std::uint64_t index) { groups_.at(id)->stop(index); }
void EngineCore::recall_tasks(GroupId id, std::uint64_t end) { groups_.at(id)->recall(end); }
bool EngineCore::can_recall(GroupId id) { return groups_.at(id)->can_recall(); }
void EngineCore::will_not_answer(GroupId group, std::uint64_t task) { unanswered_[group].push_back(task); }
void EngineCore::end_group(GroupId id) { groups_.at(id)->end(); }
void EngineCore::release_group(GroupId id) { groups_.at(id)->release(); }
Clock::time_point EngineCore::now() { return Clock::now(); }

Clock::time_point EngineCore::roughly_now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return Clock::time_point{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

void EngineCore::drained() {
  hub_.remove_client(*this);
  run_after_callbacks([self = shared_from_this()] { self->status_.drained(); });
}

// GroupOwner

void EngineCore::on_ready(Group& group) {
  std::erase(starting_, group.id());
  status_.start_ended(group.id(), EngineStatus::StartEnd::ready);
  trace_.ready(group);
  if (!unreported_.empty()) log_error(std::exchange(unreported_, {}));
  scheduler_.group_ready(group.id(), group.request());
  watch_clock();
}

void EngineCore::on_start_failed(Group& group, StartFailure const& failure) {
  if (failure.cause == StartFailure::Cause::initializer) break_pool(failure.why);
  std::erase(starting_, group.id());
  failed_starts_.push_back(group.id());
  trace_.start_failed(group.id(), failure.why);
  status_.start_ended(group.id(), EngineStatus::StartEnd::failed, failure.why);
  if (!broken_) report_failed_start(group, failure.why);
  scheduler_.start_failed(group.request(), failure.why, failure.cause == StartFailure::Cause::program);
  watch_clock();
}

/// Tasks that cannot run since no group starts fail with the reason. So the reason is logged only if other groups run
/// the tasks, which is known later if there are no groups yet.
void EngineCore::report_failed_start(Group const& group, std::string const& why) {
  if (why == reported_) return;
  if (!unreported_.empty()) log_error(unreported_);
  reported_ = why;
  constexpr std::string_view says_so = "no group could be started";
  unreported_ =
      why.starts_with(says_so) ? why : fmt::format("a group of {} could not be started: {}", group.ranks(), why);
  if (scheduler_.statistics().groups != 0) log_error(std::exchange(unreported_, {}));
}

/// The initializer fails on every rank, so no task can run.
void EngineCore::break_pool(std::string const& why) {
  if (std::exchange(broken_, true)) return;
  auto const error = std::make_exception_ptr(BrokenExecutor(fmt::format("the initializer failed on {}", why)));
  status_.broken(error);
  scheduler_.abandon(error);
}

void EngineCore::on_answer(Group& group, int rank, Frame const& frame) {
  if (frame.type != FrameType::value && frame.type != FrameType::error)
    throw ProtocolError("a rank sends no frames of this type");
  trace_.answered(group.id(), rank, frame);
  if ((frame.flags & answer_flags::staged_value) != 0) {
    answer_staged(group, rank, frame);
  } else {
    scheduler_.answered(group.id(), rank, frame, group.host(rank));
  }
  watch_clock();
}

/// Reads a value that its rank has staged, and removes its file. If the value cannot be read, the task fails.
void EngineCore::answer_staged(Group& group, int rank, Frame const& frame) {
  Frame answer = frame;
  answer.flags = static_cast<std::uint16_t>(frame.flags & ~answer_flags::staged_value);
  Bytes bytes{frame.payload.substr(0, sizeof(AnswerHeader))};
  try {
    StagedMessage const message{frame.payload.substr(bytes.size())};
    std::shared_ptr<void> keeper;
    if (auto* const run = current_stage_run()) keeper = run->adopt(message.array().path());
    bytes.append(message.content());
  } catch (std::exception const&) {
    answer.type = FrameType::error;
    bytes.append(pack(current_failure()));
  }
  answer.payload = bytes;
  scheduler_.answered(group.id(), rank, answer, group.host(rank));
}

void EngineCore::on_progress(Group& group, std::uint64_t task, double done) {
  scheduler_.progress(group.id(), task, done);
}

void EngineCore::on_recalled(Group& group, std::uint64_t first) {
  trace_.recalled(group.id(), scheduler_.recalled(group.id(), first));
  watch_clock();
}

void EngineCore::on_times(Group& group, int rank, Frame const& frame) { trace_.times(group.id(), rank, frame); }

void EngineCore::on_staged(Group& group, Frame const& frame) {
  if (auto* const run = current_stage_run()) {
    scheduler_.keep(group.id(), frame.id, run->adopt(std::filesystem::path{frame.payload}));
  }
}

void EngineCore::on_lost(Group& group, std::string const& how, std::optional<int> exited) {
  trace_.lost(group.id(), how);
  scheduler_.group_lost(group.id(), how, exited);
  watch_clock();
}

void EngineCore::on_gone(Group& group) {
  auto const id = group.id();
  trace_.gone(id);
  groups_.erase(id);
  if (std::erase(failed_starts_, id) == 0) scheduler_.group_gone(id);
  // only now: until its ranks have ended, they may still make files
  auto const unanswered = unanswered_.extract(id);
  if (auto* const run = current_stage_run(); run != nullptr && unanswered) run->clear(id, unanswered.mapped());
  watch_clock();
  if (groups_.empty()) keep_alive_.reset();
}

// HubClient

void EngineCore::others_wait(bool waiting) {
  scheduler_.set_others_wait(waiting);
  if (waiting) scheduler_.release_idle();
}

void EngineCore::waits_for_own_groups(Group& group) {
  if (!scheduler_.start_is_blocked(group.request())) return;
  auto const id = group.id();
  static_cast<void>(hub_.withdraw(group));
  forget_start(id);
}

void EngineCore::interrupted(std::exception_ptr const& error) {
  scheduler_.abandon(error);
  status_.broken(error);
}

}  // namespace farm::detail
