#include "core/scheduler/scheduler.hpp"

#include "core/base/failure.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

/// How many tasks ahead are prefetched on a group: with many groups, their tasks are not in the processor's caches.
constexpr std::size_t in_flight_prefetched = 2;

Failure failure_in(std::string_view payload) try {
  return unpack<Failure>(payload);
} catch (SerializationError const& e) {
  throw ProtocolError(e.what());
}

/// Returns how many times start_pause the pause after so many failed starts in a row lasts: 1, 4, 16, ...
constexpr int pause_factor(int failures) { return 1 << (2 * (failures - 1)); }

/// Returns the index, among the tasks in flight, of the task that a rank answers: a rank answers in order.
std::size_t index_of_answer(ScheduledGroup& group, int rank, Frame const& frame) {
  if (frame.type != FrameType::value && frame.type != FrameType::error) {
    throw ProtocolError(fmt::format("frame of type {} instead of an answer", static_cast<int>(frame.type)));
  }
  std::size_t const index =
      group.answers.empty() ? 0 : group.answers.at(static_cast<std::size_t>(rank)) - group.tasks_answered;
  if (index >= group.in_flight.size() || group.in_flight[index].id != frame.id) {
    throw ProtocolError(fmt::format("an answer for task {}, which this rank was not sent", frame.id));
  }
  return index;
}

}  // namespace

Scheduler::Scheduler(Options options, SchedulerPort& port)
    : options_(std::move(options)), port_(port), budget_(options_.max_ranks, options_.capacity) {}

void Scheduler::submit(TaskPtr task) {
  if (accept(std::move(task))) pump();
}

void Scheduler::submit(std::vector<TaskPtr>&& tasks) {
  bool any = false;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (i + tasks_prefetched < tasks.size()) prefetch(tasks[i + tasks_prefetched].get());
    any = accept(std::move(tasks[i])) || any;
  }
  if (any) pump();
}

/// Queues a task and returns true; returns false if the task fails at once.
bool Scheduler::accept(TaskPtr task) {
  if (abandoned_) {
    task->set_error(abandoned_);
  } else if (shut_down_) {
    task->set_error(std::make_exception_ptr(ShutdownError("a task was submitted after shutdown")));
  } else if (task->ranks < 1 || task->ranks > options_.max_ranks) {
    task->set_error(std::make_exception_ptr(UsageError(fmt::format(
        "a task of {} ranks was submitted, but only 1 to {} are possible", task->ranks, options_.max_ranks))));
  } else if (task->request != nullptr && !budget_.fits(*task->request, {})) {
    task->set_error(std::make_exception_ptr(UsageError(
        fmt::format("a task of {} was submitted, but {}", to_text(*task->request), budget_.refusal(*task->request)))));
  } else {
    push(std::move(task));
    return true;
  }
  return false;
}

void Scheduler::boot(Request const& request) {
  if (shut_down_ || abandoned_) return;
  auto& kind = class_of(request);
  for (; budget_.fits(kind.request, taken_); ++kind.booting) start_group(kind);
}

void Scheduler::shutdown(bool cancel_queued) {
  shut_down_ = true;
  if (cancel_queued) cancel_queue();
  pump();
  check_drained();
}

void Scheduler::abandon(std::exception_ptr const& error) {
  abandoned_ = error;
  for (auto& [request, kind] : classes_) fail_queue(kind, error);
  for (auto& [id, group] : groups_) {
    if (!group.in_flight.empty()) {
      std::chrono::duration<float> const since = port_.roughly_now() - group.front_since;
      group.in_flight.front().task->run_seconds = std::max(since.count(), 1e-6F);  // the group runs it now
    }
    for (auto& each : group.in_flight) {
      if (each.state == State::running || each.state == State::retrying) each.task->set_error(error);
      each.state = State::failed;
    }
    if (group.state != Group::State::ending) end(group);
    take_back(group, nullptr);
  }
  withdraw_starts(false);
}

void Scheduler::group_ready(GroupId id, Request const& request) {
  auto& kind = class_of(request);
  int const ranks = kind.ranks;
  start_ended(kind);
  ++kind.alive;
  forgive(kind);
  Group& group = groups_[id];
  group.id = id;
  group.kind = &kind;
  group.can_recall = ranks == 1 && port_.can_recall(id);
  if (group.can_recall) ++kind.recallable;
  if (ranks > 1) {
    group.answers.assign(static_cast<std::size_t>(ranks), 0);
    group.comms.use_slot_per_task();
  }
  ++statistics_.groups_started;
  ++statistics_.groups;
  statistics_.peak_groups = std::max(statistics_.peak_groups, statistics_.groups);
  statistics_.peak_ranks = std::max(statistics_.peak_ranks, static_cast<int>(taken_.ranks()));
  retire_or_idle(group);
  pump();
}

/// Forgets the failed starts of this class.
void Scheduler::forgive(RequestClass& kind) {
  kind.start_failures = 0;
  if (std::exchange(kind.paused, false)) --paused_;
}

/// A group of this class is ready, has failed to start, or was withdrawn.
void Scheduler::start_ended(RequestClass& kind) {
  --kind.starting;
  kind.booting = std::min(kind.booting, kind.starting);
  if (std::exchange(kind.blocked, false)) --blocked_;
}

void Scheduler::start_failed(Request const& request, std::string const& why, bool for_good) {
  auto& kind = class_of(request);
  start_ended(kind);
  kind.start_failures =
      for_good ? std::max(kind.start_failures + 1, options_.max_start_failures) : kind.start_failures + 1;
  taken_.subtract(kind.request);
  if (!std::exchange(kind.paused, true)) ++paused_;
  auto const pauses = std::min(kind.start_failures, options_.max_start_failures);
  kind.not_before = port_.now() + options_.start_pause * pause_factor(pauses);
  // If groups of this class are about to go, another attempt is made once they are gone.
  if (starts_failed(kind) && kind.starting == 0 && kind.alive == 0 && kind.leaving == 0) {
    forgive(kind);
    fail_queue(kind, std::make_exception_ptr(SpawnError(why)), why);
  }
  pump();
  check_drained();
}

/// Returns whether so many starts of this class have failed in a row that no further one is attempted.
bool Scheduler::starts_failed(RequestClass const& kind) const {
  return kind.start_failures >= options_.max_start_failures;
}

/// Returns the group; null if the scheduler does not know it or has ended it, so that its answers no longer count.
Scheduler::Group* Scheduler::find_active(GroupId id) {
  auto const found = groups_.find(id);
  return found == groups_.end() || found->second.state == Group::State::ending ? nullptr : &found->second;
}

void Scheduler::answered(GroupId id, int rank, Frame const& frame, std::string const& host) {
  Group* const group = find_active(id);
  if (group == nullptr) return;
  std::size_t const index = index_of_answer(*group, rank, frame);
  InFlightTask& task = group->in_flight[index];
  if (task.answers_left == 1) prefetch(task.task.get());
  auto payload = frame.payload;
  auto const header = take<AnswerHeader>(payload);
  TaskPtr fails;
  std::exception_ptr error;
  bool const first_error = frame.type == FrameType::error && task.state == State::running;
  if (first_error) {
    error = make_exception(
        failure_in(payload),
        {.task = frame.id, .name = task.task->name(), .rank = rank, .ranks = group->kind->ranks, .host = host});
    bool const retries = task.task->rare && task.task->rare->retries > 0;
    if (retries) --task.task->rare->retries;
    if (!retries) fails = task.task;
    task.state = retries ? State::retrying : State::failed;
  } else if (frame.type == FrameType::value && task.all_ranks) {
    task.values.resize(static_cast<std::size_t>(group->kind->ranks));
    task.values[static_cast<std::size_t>(rank)] = payload;
  } else if (frame.type == FrameType::value && rank == 0 && task.answers_left > 1) {
    task.values.assign(1, Bytes{payload});
  }
  count_run(rank, header.run_nanoseconds);
  if (first_error || (rank == 0 && task.state == State::running))
    task.task->run_seconds = static_cast<float>(header.run_nanoseconds) * 1e-9F;
  if (!group->answers.empty()) ++group->answers[static_cast<std::size_t>(rank)];
  if (frame.flags != 0) {
    task.used_comm = task.used_comm || (frame.flags & answer_flags::used_comm) != 0;
    group->worn_out = group->worn_out || (frame.flags & answer_flags::worn_out) != 0;
  }
  if (--task.answers_left == 0) {
    finish_front(*group, rank == 0 ? payload : std::string_view{});
  } else if (first_error && index == 0) {
    watch_front(*group);
  }
  if (fails) fails->set_error(error);  // last, because callbacks may take their time
}

/// Counts the time that a task took on a rank. Rank 0's times make the moving average.
void Scheduler::count_run(int rank, std::uint64_t nanoseconds) {
  statistics_.busy += std::chrono::nanoseconds{nanoseconds};
  if (rank != 0) return;
  auto const run = static_cast<double>(nanoseconds);
  mean_run_nanoseconds_ = mean_run_nanoseconds_ < 0 ? run : mean_run_nanoseconds_ + (run - mean_run_nanoseconds_) / 8;
}

/// Ends the group's first task, which all ranks have answered. The group gets its next task before the future of this
/// one is completed, because the callbacks may take their time.
void Scheduler::finish_front(Group& group, std::string_view last_value) {
  InFlightTask done = std::move(group.in_flight.front());
  group.in_flight.pop_front();
  if (group.in_flight.size() > in_flight_prefetched) prefetch(group.in_flight[in_flight_prefetched].task.get());
  ++group.tasks_answered;
  group.comms.release(done.comm_slot,
                      done.state != State::running || (done.used_comm && group.comms.has_slot_per_task()));
  --counts_.running;
  --group.kind->running;
  bool const retries = done.state == State::retrying;
  if (retries) {
    run_again(std::move(done.task));
  } else {
    ++counts_.done;
  }
  watch_front(group);
  refill(group);
  if (group.in_flight.empty()) {
    retire_or_idle(group);
    pump();
  }
  if (retries) return;
  done.task->release_inputs();
  if (done.state != State::running) return;
  if (done.all_ranks) {
    done.task->set_rank_bytes(std::move(done.values));
  } else {
    done.task->set_bytes(done.values.empty() ? Bytes{last_value} : std::move(done.values.front()));
  }
}

/// Queues a task again that threw and has retries left.
void Scheduler::run_again(TaskPtr task) {
  auto& rare = task->make_rare();
  ++rare.restarts;
  rare.outputs.clear();
  push(std::move(task));
}

void Scheduler::stop(Task const& task) {
  if (!task.rare) return;
  auto const found = groups_.find(task.rare->group);
  if (found == groups_.end()) return;  // it is queued for its next attempt, or done
  Group& group = found->second;
  auto const each = std::find_if(group.in_flight.begin(), group.in_flight.end(),
                                 [&](InFlightTask const& in_flight) { return in_flight.task.get() == &task; });
  if (each == group.in_flight.end()) return;
  each->state = State::stopping;
  if (each == group.in_flight.begin()) {
    watch_front(group);
  } else if (group.can_recall && !group.recalling) {
    recall(group);  // the group need not begin the task only to stop it
  }
}

void Scheduler::progress(GroupId group, std::uint64_t task, double done) {
  auto const found = groups_.find(group);
  if (found == groups_.end() || found->second.in_flight.empty()) return;
  InFlightTask const& first = found->second.in_flight.front();
  if (first.task->id == task) first.task->told_progress = static_cast<float>(std::clamp(done, 0.0, 1.0));
}

void Scheduler::keep(GroupId group, std::uint64_t task, std::shared_ptr<void> keeper) {
  auto const found = groups_.find(group);
  if (found == groups_.end()) return;  // nobody waits for the file, so it is deleted with its keeper
  for (auto& each : found->second.in_flight) {
    if (each.task->id == task) each.task->make_rare().outputs.push_back(std::move(keeper));
  }
}

void Scheduler::group_lost(GroupId id, std::string const& how, std::optional<int> exited) {
  Group* const group = find_active(id);
  if (group == nullptr) return;
  if (group->state == Group::State::ready) ++statistics_.groups_lost;
  Loss const loss{how, exited};
  end_and_take_back(*group, &loss);
}

void Scheduler::group_gone(GroupId id) {
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  Group& group = found->second;
  RequestClass& its_class = *group.kind;
  if (group.state == Group::State::ready) {
    ++statistics_.groups_lost;
    leave_ready(group, Group::State::ending);
    std::string const how = "its processes ended";
    Loss const loss{how, std::nullopt};
    take_back(group, &loss);
  }
  --its_class.leaving;
  leaving_.subtract(its_class.request);
  taken_.subtract(its_class.request);
  groups_.erase(found);
  for (auto& [request, kind] : classes_) {  // starts that failed may succeed now, because there is more room
    if (kind.alive != 0 || &kind == &its_class) forgive(kind);
  }
  pump();
  check_drained();
}

/// Ends a group. The caller takes its tasks back.
void Scheduler::end(Group& group) {
  leave_ready(group, Group::State::ending);
  port_.end_group(group.id);
}

void Scheduler::end_and_take_back(Group& group, Loss const* loss) {
  end(group);
  take_back(group, loss);
  pump();
}

void Scheduler::release(Group& group) {
  leave_ready(group, Group::State::leaving);
  port_.release_group(group.id);
}

void Scheduler::leave_ready(Group& group, Group::State next) {
  if (group.state == Group::State::ready) {
    if (group.idle_index < group.kind->idle.size() && group.kind->idle[group.idle_index] == &group)
      remove_from_idle(group);
    --group.kind->alive;
    if (group.can_recall) --group.kind->recallable;
    ++group.kind->leaving;
    leaving_.add(group.kind->request);
    --statistics_.groups;
    set_deadline(group, std::nullopt);
  }
  group.state = next;
}

void Scheduler::remove_from_idle(Group& group) {
  auto& idle = group.kind->idle;
  idle[group.idle_index] = idle.back();
  idle[group.idle_index]->idle_index = group.idle_index;
  idle.pop_back();
}

/// Takes the tasks back from a group that has ended. They go back to the queue or are given up. `loss` is the reason
/// that counts against tasks that may have started; null if they are not to blame.
void Scheduler::take_back(Group& group, Loss const* loss) {
  auto taken = std::exchange(group.in_flight, {});
  for (std::size_t i = 0; i < taken.size(); ++i) {
    InFlightTask& each = taken[i];
    --counts_.running;
    --group.kind->running;
    port_.will_not_answer(group.id, each.task->id);
    each.task->release_outputs();
    if (each.state == State::retrying) {
      run_again(std::move(each.task));
      continue;
    }
    if (each.state != State::running) {
      drop(each.task);
      continue;
    }
    bool const may_have_started = i == 0 || std::any_of(group.answers.begin(), group.answers.end(),
                                                        [&](std::uint64_t answers) { return answers >= each.number; });
    if (may_have_started && loss == nullptr) ++each.task->make_rare().restarts;
    if (may_have_started && loss != nullptr && !survives_loss(group, each, i == 0, *loss)) continue;
    push(std::move(each.task));
  }
}

/// Returns whether this is the task that the exited rank was running.
bool Scheduler::has_exited(Group const& group, InFlightTask const& task, Loss const& loss) {
  if (!loss.exited) return false;
  auto const rank = static_cast<std::size_t>(*loss.exited);
  return task.number == (group.answers.empty() ? group.tasks_answered : group.answers.at(rank));
}

/// Notes the loss of a group under a task. Returns false if the task is given up.
bool Scheduler::survives_loss(Group const& group, InFlightTask& task, bool is_first, Loss const& loss) {
  auto& rare = task.task->make_rare();
  auto& losses = rare.losses;
  std::chrono::duration<double> const since = port_.roughly_now() - group.front_since;
  task.task->run_seconds = is_first ? static_cast<float>(since.count()) : 0;
  losses.push_back(is_first ? fmt::format("{}, {:.2g} s into the task", loss.how, since.count()) : loss.how);
  if (has_exited(group, task, loss) && !rare.rerun_after_exit.value_or(options_.rerun_after_exit)) {
    drop(task.task);
    task.task->set_error(std::make_exception_ptr(
        GroupLost(fmt::format("task {} has ended its process itself, and is not run again (rerun_after_exit): {}",
                              task.task->label(), fmt::join(losses, "; ")))));
    return false;
  }
  int const most = rare.max_losses > 0 ? rare.max_losses : options_.max_losses;
  if (losses.size() < static_cast<std::size_t>(most)) return true;
  drop(task.task);
  task.task->set_error(std::make_exception_ptr(
      GroupLost(fmt::format("task {} was given up: its group was lost {} time{}: {}", task.task->label(), losses.size(),
                            losses.size() == 1 ? "" : "s", fmt::join(losses, "; ")))));
  return false;
}

/// Counts a task as done that will not run again.
void Scheduler::drop(TaskPtr const& task) {
  ++counts_.done;
  task->release_inputs();
}

void Scheduler::release_idle() {
  for (auto& [request, kind] : classes_) {
    while (!kind.idle.empty() && kind.queue.front() == nullptr) release(*kind.idle.back());
  }
  if (counts_.queued == 0) withdraw_starts(!shut_down_ && !abandoned_);
}

bool Scheduler::start_is_blocked(Request const& request) {
  auto& kind = class_of(request);
  if (kind.starting == 0 || !leaving_.empty()) return false;  // there is room soon
  if (kind.queue.size() == 0) {
    start_ended(kind);
    taken_.subtract(kind.request);
    return true;
  }
  if (!std::exchange(kind.blocked, true)) ++blocked_;
  release_idle_of_other_classes(kind);
  return false;
}

void Scheduler::release_idle_of_other_classes(RequestClass const& kind) {
  for (auto& [request, other] : classes_) {
    while (&other != &kind && !other.idle.empty() && other.queue.front() == nullptr) release(*other.idle.back());
  }
}

void Scheduler::retire_or_idle(Group& group) {
  if (group.state != Group::State::ready) return;
  if (worn_out(group)) {
    release(group);
  } else {
    group.idle_index = group.kind->idle.size();
    group.kind->idle.push_back(&group);
  }
}

/// Starts all tasks that can start, the most urgent first. A request class that has no group and finds no room is
/// passed over, but not for ever: see Fairness.
void Scheduler::pump() {
  ++pumps_;
  while (RequestClass* const kind = most_urgent()) {
    if (waits_for_favored(*kind)) {
      auto& favored = *fairness_.favored_over(*kind);
      if (is_more_urgent(*favored.queue.front(), *kind->queue.front())) {
        make_room(favored);
        kind->blocked_in = pumps_;
        continue;
      }
    }
    if (!kind->idle.empty()) {
      Group& group = *kind->idle.back();
      kind->idle.pop_back();
      send(group, kind->queue.pop());
      if (group.in_flight.empty()) retire_or_idle(group);  // the task was cancelled, or cannot be sent
      continue;
    }
    start_groups(*kind);
    make_room(*kind);
    kind->blocked_in = pumps_;
  }
  if (shut_down_ || abandoned_ || others_wait_) release_idle();
  if (blocked_ != 0) {
    for (auto& [request, kind] : classes_) {
      if (kind.blocked) release_idle_of_other_classes(kind);
    }
  }
  watch_waiting_tasks();
}

/// Returns the request class whose first task is the most urgent, among those that this pump() has not found blocked;
/// null if there is none.
RequestClass* Scheduler::most_urgent() {
  if (counts_.queued == 0) return nullptr;
  RequestClass* best = nullptr;
  Task const* best_task = nullptr;
  for (auto& [request, kind] : classes_) {
    if (kind.blocked_in == pumps_) continue;
    Task const* const task = kind.queue.front();
    if (task == nullptr || (best_task != nullptr && is_more_urgent(*best_task, *task))) continue;
    best = &kind;
    best_task = task;
  }
  return best;
}

/// Returns true if another class is favored, and lacks what groups of this class hold.
bool Scheduler::waits_for_favored(RequestClass const& kind) {
  auto const* const favored = fairness_.favored_over(kind);
  if (favored == nullptr) return false;
  auto const missing = budget_.lacks(favored->request, taken_);
  return missing == lack::nothing || holds_any(kind.request, missing);
}

void Scheduler::push(TaskPtr task) {
  auto& queue = class_of(*task).queue;
  queue.push(std::move(task));
}

void Scheduler::send(Group& group, TaskPtr task) {
  if (!task->set_running() && task->done()) {  // it was cancelled
    ++counts_.done;
    return;
  }
  fairness_.task_starts(*task, *group.kind, classes_);
  std::uint16_t const slot = group.comms.next();
  TaskHeader const header{.module = task->code.module,
                          .offset = task->code.offset,
                          .attempt = task->attempt(),
                          .comm_epoch = group.comms.epoch(slot),
                          .comm_slot = slot,
                          .want_value = task->all_ranks ? WantValue::all_ranks : WantValue::rank_0};
  try {
    port_.send_task(group.id, *task, header);
  } catch (...) {  // the task is too large for a message; no part of it was sent
    ++counts_.done;
    task->set_error(std::current_exception());
    return;
  }
  group.comms.take(slot);
  ++counts_.running;
  ++group.kind->running;
  if (task->rare) task->rare->group = group.id;
  InFlightTask& sent = group.in_flight.emplace_back();
  sent.id = task->id;
  sent.all_ranks = task->all_ranks;
  sent.task = std::move(task);
  sent.number = group.tasks_sent++;
  sent.answers_left = group.kind->ranks;
  sent.comm_slot = slot;
  if (group.in_flight.size() == 1) watch_front(group);
}

RequestClass& Scheduler::class_of(Request const& request) {
  return classes_.try_emplace(request, request, counts_).first->second;
}

RequestClass& Scheduler::class_of(Task const& task) {
  if (last_class_ == nullptr || last_class_->ranks != task.ranks || last_request_ != task.request) {
    last_class_ = &class_of(task.request != nullptr ? *task.request : Request{.ranks = task.ranks});
    last_request_ = task.request;
  }
  return *last_class_;
}

void Scheduler::start_group(RequestClass& kind) {
  fairness_.group_starts(kind);
  taken_.add(kind.request);
  ++kind.starting;
  port_.start_group(kind.request);
}

void Scheduler::start_groups(RequestClass& kind) {
  // After too many failures no group is started until a group has gone, or all starts have failed and the queue with
  // them.
  while (static_cast<std::size_t>(kind.starting) < kind.queue.size() && !starts_failed(kind) && !kind.paused) {
    kind.lacks = budget_.lacks(kind.request, taken_);
    if (kind.lacks != lack::nothing) break;
    start_group(kind);
  }
}

/// Makes room for a request class with more tasks than groups. Idle groups of other classes leave if no task waits for
/// them; if this request class is favored, also if only less urgent tasks wait.
void Scheduler::make_room(RequestClass& kind) {
  int const groups = kind.starting + kind.alive;
  if (kind.queue.size() <= static_cast<std::size_t>(groups)) return;
  Task const* const first = kind.queue.front();
  if (first == nullptr || starts_failed(kind) || kind.paused) return;
  Usage coming = taken_;
  coming.subtract(leaving_);
  unsigned missing = budget_.lacks(kind.request, coming);
  auto const has_left = [&](RequestClass const& other) {
    coming.subtract(other.request);
    missing = budget_.lacks(kind.request, coming);
  };
  for (auto& [request, other] : classes_) {
    if (&other == &kind) continue;
    if (auto const* const task = other.queue.front(); task != nullptr) {
      if (!fairness_.favors(kind) || is_more_urgent(*task, *first)) continue;
    }
    while (holds_any(request, missing) && other.starting != 0 && port_.withdraw_start(request)) {
      start_ended(other);
      taken_.subtract(request);
      has_left(other);
    }
    while (holds_any(request, missing) && !other.idle.empty()) {
      release(*other.idle.back());
      has_left(other);
    }
  }
  start_groups(kind);
}

void Scheduler::withdraw_starts(bool keep_booting) {
  for (auto& [request, kind] : classes_) {
    while (kind.starting > (keep_booting ? kind.booting : 0) && port_.withdraw_start(request)) {
      start_ended(kind);
      taken_.subtract(request);
    }
  }
  check_drained();
}

/// Fails all queued tasks of the class. `why` no group can be started, if that is the reason: a task that has cost
/// groups fails with what happened to them, too.
void Scheduler::fail_queue(RequestClass& kind, std::exception_ptr const& error, std::string const& why) {
  while (kind.queue.front() != nullptr) {
    TaskPtr const task = kind.queue.pop();
    drop(task);
    if (why.empty() || !task->rare || task->rare->losses.empty()) {
      task->set_error(error);
      continue;
    }
    auto const& losses = task->rare->losses;
    task->set_error(std::make_exception_ptr(
        SpawnError(fmt::format("task {} cannot run again: {}; its group was lost {} time{}: {}", task->label(), why,
                               losses.size(), losses.size() == 1 ? "" : "s", fmt::join(losses, "; ")))));
  }
}

void Scheduler::cancel_queue() {
  for (auto& [request, kind] : classes_) {
    while (kind.queue.front() != nullptr) {
      TaskPtr const task = kind.queue.pop();
      ++counts_.done;
      // A task that waits for its next attempt has started, so cancel() fails. It will not run again either.
      if (!task->cancel()) task->set_cancelled();
    }
  }
}

void Scheduler::set_deadline(Group& group, std::optional<Clock::time_point> deadline) {
  if (deadline == never) deadline.reset();
  if (group.deadline == deadline) return;
  if (group.deadline) deadlines_.erase({*group.deadline, group.id});
  group.deadline = deadline;
  if (deadline) deadlines_.insert({*deadline, group.id});
}

/// Sets the deadline of the group's first task, which its ranks run now. The time limit of a task, and the grace of a
/// task that should stop, start when the tasks before it are done.
void Scheduler::watch_front(Group& group) {
  if (group.in_flight.empty()) return set_deadline(group, std::nullopt);
  InFlightTask& first = group.in_flight.front();
  if (first.state != State::running) {
    if (std::exchange(first.stop_sent, true)) return;
    // After an error the other ranks get the grace to return on their own. A task that the master stops gets it only if
    // its function can notice the request.
    bool const may_obey = first.state != State::stopping || first.task->listens;
    set_deadline(group, later(port_.now(), may_obey ? options_.grace : Clock::duration{0}));
    if (may_obey) port_.stop_task(group.id, first.number);
    return;
  }
  group.front_since = port_.roughly_now();
  if (first.task->rare && first.task->rare->timeout.count() > 0) {
    set_deadline(group, later(port_.now(), first.task->rare->timeout));
  } else {
    set_deadline(group, std::nullopt);
  }
}

void Scheduler::tick(Clock::time_point now) {
  if (paused_ != 0) {
    for (auto& [request, kind] : classes_) {
      if (!kind.paused || now < kind.not_before) continue;
      kind.paused = false;
      --paused_;
    }
    pump();
  }
  if (recall_at_ && *recall_at_ <= now) recall_waiting_tasks(now);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    stop_late(groups_.at(deadlines_.begin()->second), now);
}

/// Acts on a deadline that has passed. If it was the time limit of the group's first task, the task is stopped. If it
/// was the grace, the group is ended.
void Scheduler::stop_late(Group& group, Clock::time_point now) {
  InFlightTask& first = group.in_flight.front();
  if (first.state != State::running) return end_and_take_back(group, nullptr);
  TaskPtr const late = first.task;
  late->run_seconds = static_cast<float>(std::chrono::duration<double>(late->rare->timeout).count());
  first.state = State::stopping;
  watch_front(group);
  // If there is no grace, the group is ended before callbacks run, so that they do not find the task running.
  if (group.deadline && *group.deadline <= now) end_and_take_back(group, nullptr);
  late->set_error(std::make_exception_ptr(
      TimeoutError(fmt::format("task {} ran longer than its limit of {:g} s and was stopped", late->label(),
                               std::chrono::duration<double>(late->rare->timeout).count()))));
}

std::optional<Clock::time_point> Scheduler::next_deadline() const {
  std::optional<Clock::time_point> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (recall_at_ && (!next || *recall_at_ < *next)) next = recall_at_;
  if (paused_ != 0) {
    for (auto const& [request, kind] : classes_) {
      if (kind.paused && kind.queue.size() != 0 && (!next || kind.not_before < *next)) next = kind.not_before;
    }
  }
  return next;
}

Scheduler::Statistics Scheduler::statistics() const {
  auto statistics = statistics_;
  statistics.tasks_done = counts_.done;
  return statistics;
}

void Scheduler::check_drained() {
  if (!shut_down_ || drained_told_ || counts_.queued != 0 || counts_.running != 0 || !taken_.empty()) return;
  drained_told_ = true;
  port_.drained();
}

}  // namespace farm::detail
