#pragma once

#include "core/base/failure.hpp"
#include "core/scheduler/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"

/// Groups that only record the requests of the scheduler. The test decides when they start, answer and die. Every call
/// checks the invariants.
namespace farm::testing {

using namespace farm::detail;

class FakeGroups final : public SchedulerPort {
 public:
  struct InFlight {
    std::uint64_t task = 0;
    TaskHeader header;
    std::set<int> answered;
    bool failed = false;
    bool used_comm = false;
    std::uint64_t number = 0;  ///< among the tasks that the group was sent
  };
  struct Group {
    GroupId id = 0;
    Request request{};
    int ranks = 0;
    bool leaving = false;
    bool ended = false;
    std::deque<InFlight> tasks;
    std::uint64_t sent = 0;
    std::uint64_t recalled = 0;
    std::uint64_t recall_end = 0;                   ///< of a recall that is not answered yet; 0: none
    std::map<std::uint16_t, std::uint32_t> epochs;  ///< the least epoch of the next task, by slot
  };

  explicit FakeGroups(Scheduler::Options options) : options_(options), scheduler(options, *this) {}

  // Requests of the scheduler
  void start_group(Request const& request) override {
    starts.push_back(request);
    ++starts_asked;
    check_usage();
  }
  bool withdraw_start(Request const& request) override {
    auto const found = std::find(starts.rbegin(), starts.rend(), request);
    if (!can_withdraw || found == starts.rend()) return false;
    starts.erase(std::next(found).base());
    return true;
  }
  void send_task(GroupId id, Task const& task, TaskHeader header) override {
    if (task.call == "too large") throw SerializationError("too large");
    Group& group = groups.at(id);
    REQUIRE_FALSE(group.leaving);
    REQUIRE_FALSE(group.ended);
    REQUIRE(group.ranks == task.ranks);
    REQUIRE(group.request == (task.request != nullptr ? *task.request : Request{.ranks = task.ranks}));
    REQUIRE(header.module == task.code.module);
    REQUIRE(header.offset == task.code.offset);
    REQUIRE(header.attempt == task.attempt());
    if (group.ranks > 1) {
      for (auto const& other : group.tasks) REQUIRE(other.header.comm_slot != header.comm_slot);
      REQUIRE(header.comm_slot < 32);
      REQUIRE(header.comm_epoch >= group.epochs[header.comm_slot]);
    }
    group.epochs[header.comm_slot] = header.comm_epoch;
    group.tasks.push_back({.task = task.id, .header = header, .answered = {}, .number = group.sent});
    ++group.sent;
    if (options_.tasks_per_group != 0) REQUIRE(group.sent - group.recalled <= options_.tasks_per_group);
    order.push_back(task.id);
    attempts[task.id].push_back(header.attempt);
  }
  void stop_task(GroupId id, std::uint64_t index) override {
    Group const& group = groups.at(id);
    REQUIRE_FALSE(group.ended);
    REQUIRE_FALSE(group.tasks.empty());
    REQUIRE(index == group.tasks.front().number);
    stops.push_back(group.tasks.front().task);
  }
  [[nodiscard]] bool can_recall(GroupId id) override {
    REQUIRE(groups.at(id).ranks == 1);
    return recalls_work;
  }
  void recall_tasks(GroupId id, std::uint64_t end) override {
    Group& group = groups.at(id);
    REQUIRE(recalls_work);
    REQUIRE_FALSE(group.ended);
    REQUIRE(group.recall_end == 0);
    REQUIRE(end == group.sent);
    group.recall_end = end;
  }
  void end_group(GroupId id) override {
    REQUIRE_FALSE(groups.at(id).ended);
    groups.at(id).ended = true;
  }
  void release_group(GroupId id) override {
    Group& group = groups.at(id);
    REQUIRE_FALSE(group.ended);
    REQUIRE_FALSE(group.leaving);
    REQUIRE(group.tasks.empty());
    group.leaving = true;
  }
  void drained() override {
    REQUIRE(groups.empty());
    REQUIRE(starts.empty());
    ++times_drained;
  }
  Clock::time_point now() override { return clock; }
  Clock::time_point roughly_now() override { return clock; }

  // Events that the test causes
  /// Numbers a task in the order of submission.
  TaskPtr number(TaskPtr task) {
    task->id = next_task_++;
    return task;
  }
  void submit(TaskPtr task) { scheduler.submit(number(std::move(task))); }
  TaskPtr submit(int ranks = 1, int priority = 0, std::string call = {}) {
    auto task = make_intrusive<Task>(CodeAddress{11, 22}, std::move(call));
    task->ranks = ranks;
    task->priority = priority;
    submit(task);
    return task;
  }
  TaskPtr submit(Request const& request, int priority = 0) {
    auto task = make_intrusive<Task>(CodeAddress{11, 22}, farm::Bytes{});
    task->ranks = request.ranks;
    task->request = keep_request(request);
    task->priority = priority;
    submit(task);
    return task;
  }
  std::vector<TaskPtr> submit_many(int count, int ranks = 1) {
    std::vector<TaskPtr> tasks;
    for (int i = 0; i < count; ++i) tasks.push_back(submit(ranks));
    return tasks;
  }
  /// Lets the oldest requested start succeed.
  GroupId come_up() {
    REQUIRE_FALSE(starts.empty());
    auto const request = starts.front();
    starts.pop_front();
    GroupId const id = next_group_++;
    groups[id] = {.id = id, .request = request, .ranks = request.ranks, .tasks = {}, .epochs = {}};
    scheduler.group_ready(id, request);
    return id;
  }
  void all_come_up() {
    while (!starts.empty()) come_up();
  }
  void fail_start(std::string const& why = "no slots") {
    REQUIRE_FALSE(starts.empty());
    auto const request = starts.front();
    starts.pop_front();
    scheduler.start_failed(request, why);
  }
  /// Lets a rank answer its first unanswered task.
  void answer(GroupId id, int rank, std::string_view value = "value",
              std::chrono::nanoseconds run = std::chrono::seconds{1}, std::uint16_t flags = 0) {
    reply(id, rank, FrameType::value, value, run, flags);
  }
  void fail(GroupId id, int rank, std::string const& text = "text") {
    farm::Bytes failure;
    try {
      throw std::invalid_argument(text);
    } catch (...) {
      failure = pack(current_failure());
    }
    reply(id, rank, FrameType::error, failure, std::chrono::microseconds{10});
  }
  /// Lets all ranks answer the group's first task.
  void finish(GroupId id, std::chrono::nanoseconds run = std::chrono::seconds{1}) {
    Group const& group = groups.at(id);
    auto const answered = group.tasks.front().answered;
    for (int rank = 0; rank < group.ranks; ++rank) {
      if (!answered.contains(rank)) answer(id, rank, "value of rank " + std::to_string(rank), run);
    }
  }
  /// Lets the guard answer a recall: the rank has begun so many of the tasks that were sent before it.
  void give_back(GroupId id, std::size_t begun) {
    Group& group = groups.at(id);
    auto const end = std::exchange(group.recall_end, 0);
    REQUIRE(end != 0);
    auto const keeps = std::min(begun, group.tasks.size());
    std::uint64_t const first = keeps < group.tasks.size() ? group.tasks[keeps].number : group.sent;
    group.recalled += static_cast<std::uint64_t>(
        std::erase_if(group.tasks, [&](InFlight const& task) { return task.number >= first && task.number < end; }));
    scheduler.recalled(id, first);
  }
  void lose(GroupId id, std::string const& how = "rank 0 was killed", std::optional<int> exited = std::nullopt) {
    scheduler.group_lost(id, how, exited);
  }
  void gone(GroupId id) {
    groups.erase(id);
    scheduler.group_gone(id);
  }
  /// Lets all groups go that leave or were ended.
  void all_gone() {
    for (bool more = true; more;) {
      more = false;
      for (auto const& [id, group] : groups) {
        if (!group.leaving && !group.ended) continue;
        gone(id);
        more = true;
        break;
      }
    }
  }
  /// Lets everything go well until nothing is left to do.
  void run_all(std::chrono::nanoseconds run = std::chrono::seconds{1}) {
    for (bool more = true; more;) {
      all_gone();
      more = !starts.empty();
      all_come_up();
      for (auto const id : ids()) {
        if (groups.contains(id) && !groups.at(id).tasks.empty() && !groups.at(id).ended) {
          finish(id, run);
          more = true;
        }
      }
    }
  }
  void advance(Clock::duration time) {
    clock += time;
    scheduler.tick(clock);
  }

  // What the test checks
  [[nodiscard]] std::vector<GroupId> ids() const {
    std::vector<GroupId> result;
    for (auto const& [id, group] : groups) result.push_back(id);
    return result;
  }
  /// Returns the ids of the tasks in flight on a group, in order.
  [[nodiscard]] std::vector<std::uint64_t> on(GroupId id) const {
    std::vector<std::uint64_t> result;
    for (auto const& task : groups.at(id).tasks) result.push_back(task.task);
    return result;
  }
  /// Returns the group on which a task is in flight; 0 if there is none.
  [[nodiscard]] GroupId where(TaskPtr const& task) const {
    for (auto const& [id, group] : groups) {
      if (group.ended) continue;
      for (auto const& sent : group.tasks) {
        if (sent.task == task->id) return id;
      }
    }
    return 0;
  }
  /// Returns the requests of all groups that start, live or leave.
  [[nodiscard]] std::vector<Request> taken() const {
    std::vector<Request> all{starts.begin(), starts.end()};
    for (auto const& [id, group] : groups) all.push_back(group.request);
    return all;
  }
  [[nodiscard]] int ranks_taken() const {
    int ranks = 0;
    for (auto const& each : taken()) ranks += each.ranks;
    return ranks;
  }
  [[nodiscard]] std::deque<int> start_ranks() const {
    std::deque<int> ranks;
    for (auto const& each : starts) ranks.push_back(each.ranks);
    return ranks;
  }

  std::deque<Request> starts;  ///< requested and not answered
  int starts_asked = 0;
  bool can_withdraw = true;
  bool recalls_work = false;
  std::map<GroupId, Group> groups;
  std::vector<std::uint64_t> order;  ///< in which tasks were sent
  std::vector<std::uint64_t> stops;  ///< tasks that were asked to stop
  std::map<std::uint64_t, std::vector<std::uint32_t>> attempts;
  int times_drained = 0;
  Clock::time_point clock{};

 private:
  void reply(GroupId id, int rank, FrameType type, std::string_view tail, std::chrono::nanoseconds run,
             std::uint16_t flags = 0) {
    Group& group = groups.at(id);
    auto const task = std::find_if(group.tasks.begin(), group.tasks.end(),
                                   [&](InFlight const& t) { return !t.answered.contains(rank); });
    REQUIRE(task != group.tasks.end());
    task->answered.insert(rank);
    task->used_comm = task->used_comm || (flags & answer_flags::used_comm) != 0;
    task->failed = task->failed || type == FrameType::error;
    AnswerHeader const header{.run_nanoseconds = static_cast<std::uint64_t>(run.count())};
    farm::Bytes payload{reinterpret_cast<char const*>(&header), sizeof header};
    payload += tail;
    Frame const frame{.type = type, .id = task->task, .payload = payload, .flags = flags};
    if (task->answered.size() == static_cast<std::size_t>(group.ranks)) {
      REQUIRE(task == group.tasks.begin());
      if (task->failed || (task->used_comm && group.ranks > 1)) ++group.epochs[task->header.comm_slot];
      group.tasks.pop_front();
    }
    scheduler.answered(id, rank, frame, "node7");
  }
  /// A model of its own of what there is: nothing is given away twice.
  void check_usage() const {
    auto const& there_is = options_.capacity;
    std::int64_t cores = 0;
    std::int64_t gpus = 0;
    std::int64_t memory = 0;
    bool has_own_cores = false;
    std::map<std::string, std::int64_t> named;
    for (auto const& each : taken()) {
      cores += std::int64_t{each.ranks} * std::max(each.threads, 1);
      has_own_cores = has_own_cores || each.threads > 0;
      gpus += std::int64_t{each.ranks} * each.gpus;
      memory += each.ranks * each.memory;
      for (auto const& [name, amount] : each.named) named[name] += amount;
    }
    REQUIRE(ranks_taken() <= options_.max_ranks);
    if (has_own_cores && there_is.cores) REQUIRE(cores <= *there_is.cores);
    REQUIRE(gpus <= there_is.gpus);
    if (there_is.memory) REQUIRE(memory <= *there_is.memory);
    for (auto const& [name, amount] : there_is.named) REQUIRE(named[name] <= amount);
  }

  Scheduler::Options options_;
  GroupId next_group_ = 1;
  std::uint64_t next_task_ = 0;

 public:
  Scheduler scheduler;
};

/// Throws the error of the task.
inline void rethrow(TaskPtr const& task) {
  REQUIRE(task->status() == FutureState::Status::error);
  std::rethrow_exception(std::get<std::exception_ptr>(task->result()));
}

inline bool has_value(TaskPtr const& task) { return task->status() == FutureState::Status::value; }
inline bool is_cancelled(TaskPtr const& task) { return task->status() == FutureState::Status::cancelled; }

}  // namespace farm::testing
