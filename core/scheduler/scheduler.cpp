#include "core/scheduler/scheduler.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

namespace farm::detail {
namespace {

/// Communicators per group of several ranks, and so the most tasks that such a group is sent at once.
constexpr std::size_t comms_per_group = 32;
/// Tasks of other sizes that may start before a more urgent one that finds no room.
constexpr std::uint64_t most_overtaken = 64;

/// A long queue is not in the processor's caches, nor are the tasks that many groups have.
constexpr std::size_t tasks_fetched_ahead = 8;
constexpr std::size_t sent_fetched_ahead = 2;

void fetch(Task const* task) {
  for (std::size_t i = 0; i < sizeof(Task); i += 64) __builtin_prefetch(reinterpret_cast<char const*>(task) + i, 1);
}

Failure failure_in(std::string_view payload) try {
  return unpack<Failure>(payload);
} catch (SerializationError const& e) {
  throw ProtocolError(e.what());
}

bool is_more_urgent(Task const& a, Task const& b) {
  return a.priority != b.priority ? a.priority > b.priority : a.id < b.id;
}

}  // namespace

Scheduler::Scheduler(Options options, SchedulerPort& port) : options_(options), port_(port) {}

void Scheduler::submit(TaskPtr task) {
  if (accept(std::move(task))) pump();
}

void Scheduler::submit(std::vector<TaskPtr>&& tasks) {
  bool any = false;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (i + tasks_fetched_ahead < tasks.size()) fetch(tasks[i + tasks_fetched_ahead].get());
    any = accept(std::move(tasks[i])) || any;
  }
  if (any) pump();
}

/// To the queue, unless it fails at once.
bool Scheduler::accept(TaskPtr task) {
  task->id = next_task_++;
  if (abandoned_) {
    task->set_error(abandoned_);
  } else if (shut_down_) {
    task->set_error(std::make_exception_ptr(ShutdownError("a task was submitted after shutdown")));
  } else if (task->ranks < 1 || task->ranks > options_.max_ranks) {
    task->set_error(std::make_exception_ptr(UsageError(
        fmt::format("a task of {} ranks was submitted, where 1 to {} are possible", task->ranks, options_.max_ranks))));
  } else {
    push(std::move(task));
    return true;
  }
  return false;
}

void Scheduler::boot(int ranks) {
  if (shut_down_ || abandoned_) return;
  auto& size = size_of(ranks);
  while (ranks_taken_ + ranks <= options_.max_ranks) start_group(size);
}

void Scheduler::shutdown(bool cancel_queued) {
  shut_down_ = true;
  if (cancel_queued) cancel_queue();
  pump();
  check_drained();
}

void Scheduler::abandon(std::exception_ptr const& error) {
  abandoned_ = error;
  for (auto& [ranks, size] : sizes_) fail_queue(size, error);
  for (auto& [id, group] : groups_) {
    for (auto& sent : group.sent) {
      if (sent.again || !sent.failed) sent.task->set_error(error);
      sent.failed = true;
      sent.again = false;
    }
    if (group.state != Group::State::ending) end(group);
    take_back(group, nullptr);
  }
  withdraw_starts();
}

void Scheduler::group_ready(GroupId id, int ranks) {
  auto& size = size_of(ranks);
  --size.starting;
  ++size.alive;
  forgive(size);
  Group& group = groups_[id];
  group.id = id;
  group.size = &size;
  group.can_recall = ranks == 1 && port_.can_recall(id);
  if (group.can_recall) ++size.recallable;
  if (ranks > 1) {
    group.answers.assign(static_cast<std::size_t>(ranks), 0);
    group.comm_epochs.assign(comms_per_group, 0);
  }
  ++statistics_.groups_started;
  ++statistics_.groups;
  statistics_.peak_groups = std::max(statistics_.peak_groups, statistics_.groups);
  statistics_.peak_ranks = std::max(statistics_.peak_ranks, ranks_taken_);
  retire_or_idle(group);
  pump();
}

/// Failed starts count no more.
void Scheduler::forgive(Size& size) {
  size.birth_failures = 0;
  if (std::exchange(size.paused, false)) --paused_;
}

void Scheduler::start_failed(int ranks, std::string const& why) {
  auto& size = size_of(ranks);
  --size.starting;
  ++size.birth_failures;
  ranks_taken_ -= ranks;
  if (!std::exchange(size.paused, true)) ++paused_;
  auto const pauses = std::min(size.birth_failures, options_.max_birth_failures);
  size.not_before = port_.now() + options_.birth_pause * (1 << 2 * (pauses - 1));
  // Where groups of this size are about to go, another attempt is made when they are gone.
  if (size.birth_failures >= options_.max_birth_failures && size.starting == 0 && size.alive == 0 &&
      size.leaving == 0) {
    forgive(size);
    fail_queue(size, std::make_exception_ptr(SpawnError(why)));
  }
  pump();
  check_drained();
}

void Scheduler::answered(GroupId id, int rank, Frame const& frame, std::string const& host) {
  auto const found = groups_.find(id);
  if (found == groups_.end() || found->second.state == Group::State::ending) return;
  Group& group = found->second;
  if (frame.type != FrameType::value && frame.type != FrameType::error) {
    throw ProtocolError(fmt::format("frame of type {} where an answer was due", static_cast<int>(frame.type)));
  }
  auto* const answers = group.answers.empty() ? nullptr : &group.answers.at(static_cast<std::size_t>(rank));
  std::size_t const index = answers != nullptr ? *answers - group.tasks_answered : 0;
  if (index >= group.sent.size() || group.sent[index].id != frame.id) {
    throw ProtocolError(fmt::format("an answer for task {}, which this rank was not sent", frame.id));
  }
  Sent& sent = group.sent[index];
  if (sent.answers_left == 1) fetch(sent.task.get());
  auto payload = frame.payload;
  auto const header = take<AnswerHeader>(payload);
  TaskPtr fails;
  std::exception_ptr error;
  bool newly_failed = false;
  if (frame.type == FrameType::error && !sent.failed) {
    error =
        make_exception(failure_in(payload), {.task = frame.id, .rank = rank, .ranks = group.size->ranks, .host = host});
    sent.failed = newly_failed = true;
    if (sent.task->rare && sent.task->rare->retries > 0) {
      --sent.task->rare->retries;
      sent.again = true;
    } else {
      fails = sent.task;
    }
  } else if (frame.type == FrameType::value && sent.all_ranks) {
    sent.values.resize(static_cast<std::size_t>(group.size->ranks));
    sent.values[static_cast<std::size_t>(rank)] = payload;
  } else if (frame.type == FrameType::value && rank == 0 && sent.answers_left > 1) {
    sent.values.assign(1, Bytes{payload});
  }
  statistics_.busy += std::chrono::nanoseconds{header.run_nanoseconds};
  if (rank == 0) {
    auto const run = static_cast<double>(header.run_nanoseconds);
    mean_run_nanoseconds_ = mean_run_nanoseconds_ < 0 ? run : mean_run_nanoseconds_ + (run - mean_run_nanoseconds_) / 8;
  }
  if (answers != nullptr) ++*answers;
  if (--sent.answers_left == 0) {
    finish_front(group, rank == 0 ? payload : std::string_view{});
  } else if (newly_failed && index == 0) {
    watch_front(group);
  }
  if (fails) fails->set_error(error);
}

/// All ranks have answered the group's first task. It gets its next before the future of this one is told, whose
/// callbacks may take their time.
void Scheduler::finish_front(Group& group, std::string_view last_value) {
  Sent done = std::move(group.sent.front());
  group.sent.pop_front();
  if (group.sent.size() > sent_fetched_ahead) fetch(group.sent[sent_fetched_ahead].task.get());
  ++group.tasks_answered;
  if (done.failed) ++group.comm_epoch(done.comm_slot);  // messages may have been left in it
  group.comms_in_use &= ~(1U << done.comm_slot);
  --running_;
  --group.size->running;
  if (done.again) {
    run_again(std::move(done.task));
  } else {
    ++statistics_.tasks_done;
  }
  watch_front(group);
  refill(group);
  if (group.sent.empty()) {
    retire_or_idle(group);
    pump();
  }
  if (done.again) return;
  done.task->release_inputs();
  if (done.failed) return;
  if (done.all_ranks) {
    done.task->set_rank_bytes(std::move(done.values));
  } else {
    done.task->set_bytes(done.values.empty() ? Bytes{last_value} : std::move(done.values.front()));
  }
}

/// After an error of its own.
void Scheduler::run_again(TaskPtr task) {
  auto& rare = task->make_rare();
  ++rare.restarts;
  rare.outputs.clear();
  push(std::move(task));
}

void Scheduler::stop(Task const& task) {
  if (!task.rare) return;
  auto const found = groups_.find(task.rare->group);
  if (found == groups_.end()) return;  // queued for its next attempt, or done
  Group& group = found->second;
  auto const sent =
      std::find_if(group.sent.begin(), group.sent.end(), [&](Sent const& each) { return each.task.get() == &task; });
  if (sent == group.sent.end()) return;
  sent->failed = sent->stopped = true;
  sent->again = false;
  if (sent == group.sent.begin()) {
    watch_front(group);
  } else if (group.can_recall && !group.recalling) {
    recall(group);  // it need not be begun to be stopped
  }
}

void Scheduler::progress(GroupId group, std::uint64_t task, double done) {
  auto const found = groups_.find(group);
  if (found == groups_.end() || found->second.sent.empty()) return;
  Sent const& sent = found->second.sent.front();
  if (sent.task->id == task) sent.task->told_progress = static_cast<float>(std::clamp(done, 0.0, 1.0));
}

void Scheduler::keep(GroupId group, std::uint64_t task, std::shared_ptr<void> keeper) {
  auto const found = groups_.find(group);
  if (found == groups_.end()) return;  // nobody waits for it: the file goes
  for (auto& sent : found->second.sent) {
    if (sent.task->id == task) sent.task->make_rare().outputs.push_back(std::move(keeper));
  }
}

void Scheduler::group_lost(GroupId id, std::string const& how) {
  auto const found = groups_.find(id);
  if (found == groups_.end() || found->second.state == Group::State::ending) return;
  Group& group = found->second;
  if (group.state == Group::State::ready) ++statistics_.groups_lost;
  end(group);
  take_back(group, &how);
  pump();
}

void Scheduler::group_gone(GroupId id) {
  auto const found = groups_.find(id);
  if (found == groups_.end()) return;
  Group& group = found->second;
  Size& its_size = *group.size;
  if (group.state == Group::State::ready) {
    ++statistics_.groups_lost;
    leave_ready(group, Group::State::ending);
    std::string const how = "its processes ended";
    take_back(group, &how);
  }
  --its_size.leaving;
  ranks_leaving_ -= its_size.ranks;
  ranks_taken_ -= its_size.ranks;
  groups_.erase(found);
  for (auto& [ranks, size] : sizes_) {  // there is room that there was not when they failed to start
    if (size.alive != 0 || &size == &its_size) forgive(size);
  }
  pump();
  check_drained();
}

/// Its tasks are still to be taken back.
void Scheduler::end(Group& group) {
  leave_ready(group, Group::State::ending);
  port_.end_group(group.id);
}

void Scheduler::release(Group& group) {
  leave_ready(group, Group::State::leaving);
  port_.release_group(group.id);
}

void Scheduler::leave_ready(Group& group, Group::State next) {
  if (group.state == Group::State::ready) {
    if (group.idle_index < group.size->idle.size() && group.size->idle[group.idle_index] == &group)
      remove_from_idle(group);
    --group.size->alive;
    if (group.can_recall) --group.size->recallable;
    ++group.size->leaving;
    ranks_leaving_ += group.size->ranks;
    --statistics_.groups;
    set_deadline(group, std::nullopt);
  }
  group.state = next;
}

void Scheduler::remove_from_idle(Group& group) {
  auto& idle = group.size->idle;
  idle[group.idle_index] = idle.back();
  idle[group.idle_index]->idle_index = group.idle_index;
  idle.pop_back();
}

/// The tasks of a group that is no more: back to the queue, or given up. `loss` blames those that may have started.
void Scheduler::take_back(Group& group, std::string const* loss) {
  auto taken = std::exchange(group.sent, {});
  for (std::size_t i = 0; i < taken.size(); ++i) {
    Sent& sent = taken[i];
    --running_;
    --group.size->running;
    port_.will_not_answer(group.id, sent.task->id);
    sent.task->release_outputs();
    if (sent.again) {
      run_again(std::move(sent.task));
      continue;
    }
    if (sent.failed) {
      ++statistics_.tasks_done;
      sent.task->release_inputs();
      continue;
    }
    bool const may_have_started = i == 0 || std::any_of(group.answers.begin(), group.answers.end(),
                                                        [&](std::uint64_t answers) { return answers >= sent.number; });
    if (may_have_started && loss == nullptr) ++sent.task->make_rare().restarts;
    if (may_have_started && loss != nullptr) {
      auto& losses = sent.task->make_rare().losses;
      std::chrono::duration<double> const since = port_.roughly_now() - group.front_since;
      losses.push_back(i == 0 ? fmt::format("{}, {:.2g} s into the task", *loss, since.count()) : *loss);
      if (losses.size() >= static_cast<std::size_t>(options_.max_losses)) {
        ++statistics_.tasks_done;
        sent.task->release_inputs();
        sent.task->set_error(std::make_exception_ptr(
            GroupLost(fmt::format("task {} was given up: its group was lost {} time{}: {}", sent.task->id,
                                  losses.size(), losses.size() == 1 ? "" : "s", fmt::join(losses, "; ")))));
        continue;
      }
    }
    push(std::move(sent.task));
  }
}

void Scheduler::release_idle() {
  for (auto& [ranks, size] : sizes_) {
    while (!size.idle.empty() && front(size) == nullptr) release(*size.idle.back());
  }
  if (queued_ == 0) withdraw_starts();
}

void Scheduler::retire_or_idle(Group& group) {
  if (group.state != Group::State::ready) return;
  if (worn_out(group)) {
    release(group);
  } else {
    group.idle_index = group.size->idle.size();
    group.size->idle.push_back(&group);
  }
}

/// Starts what can be started, the most urgent first. A size that has no group and finds no room is passed over, but
/// not for ever: see send().
void Scheduler::pump() {
  ++pumps_;
  while (Size* const size = most_urgent()) {
    if (is_kept_for_another(*size) && is_more_urgent(*front(*kept_for_), *front(*size))) {
      make_room(*kept_for_);
      break;
    }
    if (!size->idle.empty()) {
      Group& group = *size->idle.back();
      size->idle.pop_back();
      send(group, pop(*size));
      if (group.sent.empty()) retire_or_idle(group);  // it was cancelled, or cannot be sent
      continue;
    }
    start_groups(*size);
    make_room(*size);
    size->blocked_in = pumps_;
  }
  if (shut_down_ || abandoned_ || others_wait_) release_idle();
  watch_waiting_tasks();
}

/// The size, of those not found blocked in this pump(), whose first task is the most urgent; null where nothing is
/// queued.
Scheduler::Size* Scheduler::most_urgent() {
  if (queued_ == 0) return nullptr;
  Size* best = nullptr;
  Task const* best_task = nullptr;
  for (auto& [ranks, size] : sizes_) {
    if (size.blocked_in == pumps_) continue;
    Task const* const task = front(size);
    if (task == nullptr || (best_task != nullptr && is_more_urgent(*best_task, *task))) continue;
    best = &size;
    best_task = task;
  }
  return best;
}

/// The first task that was not cancelled meanwhile.
Task* Scheduler::front(Size& size) {
  while (!size.queue.empty()) {
    auto& line = size.queue.begin()->second;
    if (line.empty()) {
      size.queue.erase(size.queue.begin());
    } else if (line.front()->done()) {
      static_cast<void>(pop(size));
      ++statistics_.tasks_done;
    } else {
      return line.front().get();
    }
  }
  return nullptr;
}

TaskPtr Scheduler::pop(Size& size) {
  auto& line = size.queue.begin()->second;
  TaskPtr task = std::move(line.front());
  line.pop_front();
  if (line.size() > tasks_fetched_ahead) fetch(line[tasks_fetched_ahead].get());
  --size.queued;
  --queued_;
  return task;
}

/// To its place in order of submission: the end for a new one, the head for one that comes back.
void Scheduler::push(TaskPtr task) {
  auto& size = size_of(task->ranks);
  auto& line = size.queue[task->priority];
  if (line.empty() || line.back()->id < task->id) {
    line.push_back(std::move(task));
  } else {
    auto const after = std::lower_bound(line.begin(), line.end(), task->id,
                                        [](TaskPtr const& queued, std::uint64_t id) { return queued->id < id; });
    line.insert(after, std::move(task));
  }
  ++size.queued;
  ++queued_;
}

bool Scheduler::is_kept_for_another(Size const& size) {
  if (kept_for_ != nullptr && front(*kept_for_) == nullptr) kept_for_ = nullptr;
  return kept_for_ != nullptr && kept_for_ != &size;
}

void Scheduler::send(Group& group, TaskPtr task) {
  if (!task->set_running() && task->done()) {
    ++statistics_.tasks_done;
    return;
  }
  Size& its_size = *group.size;
  for (auto& [ranks, size] : sizes_) {
    if (&size == &its_size || size.queued == 0 || size.alive != 0 || size.starting != 0) continue;
    auto const* const waiting = front(size);
    if (waiting == nullptr || !is_more_urgent(*waiting, *task)) continue;
    if (++size.overtaken < most_overtaken) continue;
    auto const* const kept_for = kept_for_ != nullptr ? front(*kept_for_) : nullptr;
    if (kept_for == nullptr || is_more_urgent(*waiting, *kept_for)) kept_for_ = &size;
  }
  std::uint16_t slot = 0;
  if (!group.comm_epochs.empty()) slot = static_cast<std::uint16_t>(std::countr_one(group.comms_in_use));
  TaskHeader const header{.module = task->code.module,
                          .offset = task->code.offset,
                          .attempt = task->attempt(),
                          .comm_epoch = group.comm_epoch(slot),
                          .comm_slot = slot,
                          .want_value = static_cast<std::uint8_t>(task->all_ranks ? 2 : 1)};
  try {
    port_.send_task(group.id, *task, header);
  } catch (...) {  // too large for a message: nothing of it was sent
    ++statistics_.tasks_done;
    task->set_error(std::current_exception());
    return;
  }
  group.comms_in_use |= 1U << slot;
  ++running_;
  ++its_size.running;
  if (task->rare) task->rare->group = group.id;
  Sent& sent = group.sent.emplace_back();
  sent.id = task->id;
  sent.all_ranks = task->all_ranks;
  sent.task = std::move(task);
  sent.number = group.tasks_sent++;
  sent.answers_left = its_size.ranks;
  sent.comm_slot = slot;
  if (group.sent.size() == 1) watch_front(group);
}

Scheduler::Size& Scheduler::size_of(int ranks) {
  auto& size = sizes_[ranks];
  size.ranks = ranks;
  return size;
}

void Scheduler::start_group(Size& size) {
  size.overtaken = 0;
  if (kept_for_ == &size) kept_for_ = nullptr;
  ranks_taken_ += size.ranks;
  ++size.starting;
  port_.start_group(size.ranks);
}

void Scheduler::start_groups(Size& size) {
  // After several failures nothing is started until a group has gone, or all starts have failed and the queue with
  // them.
  while (static_cast<std::size_t>(size.starting) < size.queued && ranks_taken_ + size.ranks <= options_.max_ranks &&
         size.birth_failures < options_.max_birth_failures && !size.paused) {
    start_group(size);
  }
}

/// For a size with more tasks than groups: those of other sizes that nobody waits for leave; all that are idle, where
/// room is being kept for this size.
void Scheduler::make_room(Size& size) {
  int const groups = size.starting + size.alive;
  if (size.queued <= static_cast<std::size_t>(groups)) return;
  Task const* const first = front(size);
  if (first == nullptr || size.birth_failures >= options_.max_birth_failures || size.paused) return;
  int coming = options_.max_ranks - ranks_taken_ + ranks_leaving_;
  for (auto& [ranks, other] : sizes_) {
    if (&other == &size) continue;
    if (auto const* const task = front(other); task != nullptr) {
      if (kept_for_ != &size || is_more_urgent(*task, *first)) continue;
    }
    for (; coming < size.ranks && other.starting != 0 && port_.withdraw_start(ranks); coming += ranks) {
      --other.starting;
      ranks_taken_ -= ranks;
    }
    for (; coming < size.ranks && !other.idle.empty(); coming += ranks) release(*other.idle.back());
  }
  start_groups(size);
}

void Scheduler::withdraw_starts() {
  for (auto& [ranks, size] : sizes_) {
    while (size.starting != 0 && port_.withdraw_start(ranks)) {
      --size.starting;
      ranks_taken_ -= ranks;
    }
  }
  check_drained();
}

void Scheduler::fail_queue(Size& size, std::exception_ptr const& error) {
  while (front(size) != nullptr) {
    TaskPtr const task = pop(size);
    ++statistics_.tasks_done;
    task->release_inputs();
    task->set_error(error);
  }
}

void Scheduler::cancel_queue() {
  for (auto& [ranks, size] : sizes_) {
    while (front(size) != nullptr) {
      TaskPtr const task = pop(size);
      ++statistics_.tasks_done;
      // one that waits for its next attempt has started: it cannot be cancelled any more, but will not run either
      if (!task->cancel()) task->set_cancelled();
    }
  }
}

void Scheduler::set_deadline(Group& group, std::optional<Clock::time_point> deadline) {
  if (group.deadline == deadline) return;
  if (group.deadline) deadlines_.erase({*group.deadline, group.id});
  group.deadline = deadline;
  if (deadline) deadlines_.insert({*deadline, group.id});
}

/// The clock of a task's time limit, and of the grace for what is to stop, starts when the tasks before it on its group
/// are done.
void Scheduler::watch_front(Group& group) {
  if (group.sent.empty()) return set_deadline(group, std::nullopt);
  Sent& sent = group.sent.front();
  if (sent.failed) {
    if (std::exchange(sent.asked, true)) return;
    bool const may_obey = !sent.stopped || sent.task->listens;
    set_deadline(group, port_.now() + (may_obey ? options_.grace : Clock::duration{0}));
    if (may_obey) port_.stop_task(group.id, sent.number);
    return;
  }
  group.front_since = port_.roughly_now();
  if (sent.task->rare && sent.task->rare->timeout.count() > 0) {
    set_deadline(group, port_.now() + sent.task->rare->timeout);
  } else {
    set_deadline(group, std::nullopt);
  }
}

void Scheduler::tick(Clock::time_point now) {
  if (paused_ != 0) {
    for (auto& [ranks, size] : sizes_) {
      if (!size.paused || now < size.not_before) continue;
      size.paused = false;
      --paused_;
    }
    pump();
  }
  if (recall_at_ && *recall_at_ <= now) recall_waiting_tasks(now);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    stop_late(groups_.at(deadlines_.begin()->second), now);
}

/// Its first task has exceeded its time limit; or its grace, and with it goes the group.
void Scheduler::stop_late(Group& group, Clock::time_point now) {
  Sent& sent = group.sent.front();
  if (sent.failed) {
    end(group);
    take_back(group, nullptr);
    return pump();
  }
  TaskPtr const late = sent.task;
  sent.failed = sent.stopped = true;
  watch_front(group);
  if (group.deadline && *group.deadline <= now) {  // else callbacks could find it still running
    end(group);
    take_back(group, nullptr);
    pump();
  }
  late->set_error(std::make_exception_ptr(
      TimeoutError(fmt::format("task {} ran longer than its limit of {:g} s and was stopped", late->id,
                               std::chrono::duration<double>(late->rare->timeout).count()))));
}

std::optional<Clock::time_point> Scheduler::next_deadline() const {
  std::optional<Clock::time_point> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (recall_at_ && (!next || *recall_at_ < *next)) next = recall_at_;
  if (paused_ != 0) {
    for (auto const& [ranks, size] : sizes_) {
      if (size.paused && size.queued != 0 && (!next || size.not_before < *next)) next = size.not_before;
    }
  }
  return next;
}

void Scheduler::check_drained() {
  if (!shut_down_ || drained_told_ || queued_ != 0 || running_ != 0 || ranks_taken_ != 0) return;
  drained_told_ = true;
  port_.drained();
}

}  // namespace farm::detail
