#pragma once

#include "core/resources/budget.hpp"
#include "core/scheduler/fairness.hpp"
#include "core/scheduler/in_flight.hpp"
#include "core/scheduler/request_class.hpp"
#include "core/scheduler/scheduler_port.hpp"
#include "core/scheduler/task_queue.hpp"
#include "core/task/frame.hpp"
#include "core/task/task.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace farm::detail {

/// Decides which task runs on which group, and what becomes of it. A state machine without threads, sockets or clocks
/// of its own: each event is a call of one of its functions, and it requests actions of a SchedulerPort. Every function
/// returns at once. All must be called from one thread. Callbacks of futures run inside of them, and must not call
/// them.
class Scheduler {
 public:
  struct Options {
    int max_ranks = 1;                  ///< ranks of all groups together
    Capacity capacity{};                ///< what all groups together may hold
    std::uint64_t tasks_per_group = 0;  ///< A group is replaced after so many tasks. 0: never.
    int max_losses = 3;                 ///< A task is given up when it loses its group for the nth time.
    bool rerun_after_exit = false;      ///< Whether a task that has ended its process itself runs again, too.
    /// How long a task that should stop, and the other ranks of a task that threw, may go on before their group is
    /// ended.
    Clock::duration grace = std::chrono::seconds{1};
    int max_start_failures = 3;  ///< After so many failed starts in a row the waiting tasks fail.
    /// The pause after the first failed start of a group, before the next group of that class is started. Each further
    /// failure in a row makes the pause four times as long.
    Clock::duration start_pause = std::chrono::milliseconds{100};
  };

  struct Statistics {
    std::uint64_t tasks_done = 0;
    std::uint64_t groups_started = 0;
    std::uint64_t groups_lost = 0;
    int groups = 0;  ///< alive now
    int peak_groups = 0;
    int peak_ranks = 0;
    std::chrono::nanoseconds busy{0};  ///< time spent in tasks, summed over ranks, as the ranks measured it
  };

  /// The port must outlive the scheduler.
  Scheduler(Options options, SchedulerPort& port);
  Scheduler(Scheduler const&) = delete;
  Scheduler& operator=(Scheduler const&) = delete;
  ~Scheduler() = default;

  /// Queues a task, whose id is its number in the order of submission. Tasks may come in any order: a task that had to
  /// wait for its arguments takes its place in that order. The task fails at once after shutdown() and abandon(), and
  /// if it asks for more than there is.
  void submit(TaskPtr task);
  void submit(std::vector<TaskPtr>&& tasks);
  /// Starts as many groups for such tasks as there is room for. Their starts are withdrawn only if a task of another
  /// class needs the room, or at the end of the scheduler.
  void boot(Request const& request);
  /// Accepts no further tasks. The port's drained() follows when nothing is left, which may be at once.
  void shutdown(bool cancel_queued);
  /// Fails all tasks that are queued, running or submitted later, and ends all groups.
  void abandon(std::exception_ptr const& error);

  /// A group that was requested is ready.
  void group_ready(GroupId id, Request const& request);
  /// A group that was requested could not be started. With `for_good`, the next attempt would fail, too.
  void start_failed(Request const& request, std::string const& why, bool for_good = false);
  /// A rank has answered a task. Throws ProtocolError if the group has no such task or the frame is not an answer; then
  /// nothing has changed.
  void answered(GroupId id, int rank, Frame const& frame, std::string const& host);
  /// The future of a task that is no longer queued has been cancelled. If a group runs the task, the task is stopped.
  void stop(Task const& task);
  /// A group has answered recall_tasks(): it will not begin its tasks from number `first` on, which are queued again.
  /// Returns their ids. Throws ProtocolError if the group was not asked.
  std::vector<std::uint64_t> recalled(GroupId id, std::uint64_t first);
  /// A task has reported its progress.
  void progress(GroupId group, std::uint64_t task, double done);
  /// A rank has made a file for its task. The keeper is kept for as long as the task's futures.
  void keep(GroupId group, std::uint64_t task, std::shared_ptr<void> keeper);
  /// A rank has died. `how` says which one, where and how. The scheduler ends the group; its tasks go back to the queue
  /// or are given up. `exited` is the rank if its task has ended the process itself: that task does not run again
  /// unless rerun_after_exit says so.
  void group_lost(GroupId id, std::string const& how, std::optional<int> exited = std::nullopt);
  /// The processes of a group are gone and their slots are free. A group that was not asked to leave counts as lost.
  void group_gone(GroupId id);

  /// Releases the idle groups, because another scheduler needs their ranks.
  void release_idle();
  /// The start of a group for such tasks waits for room that only groups of this scheduler hold. Returns true if the
  /// scheduler gives up the request: no task needs the group. Otherwise idle groups of other classes are released.
  [[nodiscard]] bool start_is_blocked(Request const& request);
  /// While set, groups are released as soon as they are idle.
  void set_others_wait(bool others_wait) { others_wait_ = others_wait; }

  /// Does what is due. Call it at next_deadline() or later.
  void tick(Clock::time_point now);
  [[nodiscard]] std::optional<Clock::time_point> next_deadline() const;

  [[nodiscard]] Statistics statistics() const;
  [[nodiscard]] bool idle() const { return counts_.queued == 0 && counts_.running == 0; }

 private:
  using Group = ScheduledGroup;
  using State = InFlightTask::State;

  // The queue
  [[nodiscard]] bool accept(TaskPtr task);
  void push(TaskPtr task);
  [[nodiscard]] RequestClass* most_urgent();
  void fail_queue(RequestClass& kind, std::exception_ptr const& error, std::string const& why = {});
  void cancel_queue();
  void drop(TaskPtr const& task);

  // Tasks to groups, and answers
  void pump();
  void send(Group& group, TaskPtr task);
  void refill(Group& group);
  [[nodiscard]] static bool is_left_alone(Group& group);
  [[nodiscard]] std::size_t window(Group const& group) const;
  [[nodiscard]] Group* find_active(GroupId id);
  void count_run(int rank, std::uint64_t nanoseconds);
  void finish_front(Group& group, std::string_view last_value);
  void run_again(TaskPtr task);
  void watch_front(Group& group);
  void set_deadline(Group& group, std::optional<Clock::time_point> deadline);
  void stop_late(Group& group, Clock::time_point now);
  [[nodiscard]] static bool has_waiting_tasks(RequestClass& kind);
  void watch_waiting_tasks();
  void recall(Group& group);
  void recall_waiting_tasks(Clock::time_point now);

  // Groups
  [[nodiscard]] RequestClass& class_of(Request const& request);
  [[nodiscard]] RequestClass& class_of(Task const& task);
  [[nodiscard]] bool waits_for_favored(RequestClass const& kind);
  void start_group(RequestClass& kind);
  void start_groups(RequestClass& kind);
  [[nodiscard]] bool starts_failed(RequestClass const& kind) const;
  void forgive(RequestClass& kind);
  void make_room(RequestClass& kind);
  void start_ended(RequestClass& kind);
  void withdraw_starts(bool keep_booting);
  void release_idle_of_other_classes(RequestClass const& kind);
  void retire_or_idle(Group& group);
  void remove_from_idle(Group& group);
  void leave_ready(Group& group, Group::State next);
  void release(Group& group);
  void end(Group& group);
  /// Why a group's tasks are taken back, if the reason counts against those that may have started.
  struct Loss {
    std::string const& how;
    std::optional<int> exited;  ///< the rank whose task has ended the process itself
  };
  void end_and_take_back(Group& group, Loss const* loss);
  void take_back(Group& group, Loss const* loss);
  [[nodiscard]] static bool has_exited(Group const& group, InFlightTask const& task, Loss const& loss);
  [[nodiscard]] bool survives_loss(Group const& group, InFlightTask& task, bool is_first, Loss const& loss);
  void check_drained();
  [[nodiscard]] bool worn_out(Group const& group) const {
    return group.worn_out ||
           (options_.tasks_per_group != 0 && group.tasks_sent - group.tasks_recalled >= options_.tasks_per_group);
  }

  Options options_;
  SchedulerPort& port_;
  TaskCounts counts_;
  Budget budget_;
  std::map<Request, RequestClass> classes_;
  RequestClass* last_class_ = nullptr;     // of the last task that was queued
  Request const* last_request_ = nullptr;  // that task's
  Fairness fairness_;
  std::unordered_map<GroupId, Group> groups_;
  std::set<std::pair<Clock::time_point, GroupId>> deadlines_;
  std::optional<Clock::time_point> recall_at_;  // the next look at groups whose tasks wait
  int paused_ = 0;                              // request classes whose next start is delayed
  int blocked_ = 0;                             // request classes whose starts wait for room of other classes
  Usage taken_;                                 // by groups that start, live, leave or end
  Usage leaving_;                               // by groups that leave or end
  std::uint64_t pumps_ = 0;
  double mean_run_nanoseconds_ = -1;  // a moving average; negative: not known yet
  bool shut_down_ = false;
  bool drained_told_ = false;
  bool others_wait_ = false;
  std::exception_ptr abandoned_;
  Statistics statistics_;  // tasks_done is counted in counts_
};

}  // namespace farm::detail
