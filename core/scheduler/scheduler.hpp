#pragma once

#include "core/base/failure.hpp"
#include "core/task/frame.hpp"
#include "core/task/task.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
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

using GroupId = std::uint64_t;

/// What the scheduler asks of the world. Calls come from inside the scheduler's own functions; an implementation
/// answers later, never from inside the call.
class SchedulerPort {
 public:
  SchedulerPort() = default;
  SchedulerPort(SchedulerPort const&) = delete;
  SchedulerPort& operator=(SchedulerPort const&) = delete;
  virtual ~SchedulerPort() = default;
  /// Start a group; answered by group_ready or start_failed.
  virtual void start_group(int ranks) = 0;
  /// A start that was asked for and has not begun is not needed any more. True: it will not be answered.
  virtual bool withdraw_start(int ranks) = 0;
  /// To each rank of the group.
  virtual void send_task(GroupId group, Task const& task, TaskHeader header) = 0;
  /// Ask the ranks of a group to stop the task that they run, which is number `index` of those that the group was sent.
  virtual void stop_task(GroupId group, std::uint64_t index) = 0;
  /// Whether recall_tasks() may be asked of a group, which is ready.
  [[nodiscard]] virtual bool can_recall(GroupId /*group*/) { return false; }
  /// A group of one rank is to leave what it has not begun of the first `end` tasks that it was sent; answered by
  /// recalled().
  virtual void recall_tasks(GroupId /*group*/, std::uint64_t /*end*/) {}
  /// Kill its ranks; answered by group_gone.
  virtual void end_group(GroupId group) = 0;
  /// Let its ranks leave gently; answered by group_gone.
  virtual void release_group(GroupId group) = 0;
  /// A group will not answer this task of it: what it made for it is nobody's when group_gone comes.
  virtual void will_not_answer(GroupId /*group*/, std::uint64_t /*task*/) {}
  /// All tasks are done and all groups are gone, after shutdown().
  virtual void drained() = 0;
  /// A clock; asked only where a time limit is concerned.
  virtual Clock::time_point now() = 0;
  /// The same to some milliseconds, at next to no cost.
  virtual Clock::time_point roughly_now() = 0;
};

/// Which task runs on which group, and what becomes of it: a state machine without threads, sockets or clocks of its
/// own. Every function returns at once; all are to be called from one thread. Callbacks of futures run inside of them,
/// and must not call them.
class Scheduler {
 public:
  struct Options {
    int max_ranks = 1;                  ///< of all groups together
    std::uint64_t tasks_per_group = 0;  ///< then the group is replaced; 0: never
    int max_losses = 3;                 ///< the loss of a group that a task does not survive
    Clock::duration grace = std::chrono::seconds{
        1};  ///< for what is to stop, and the peers of a rank that threw, before their group is ended
    int max_birth_failures = 3;  ///< in a row; then waiting tasks fail
    /// From the first failure until a group of that size is started again; four times as long after the second.
    Clock::duration birth_pause = std::chrono::milliseconds{100};
  };

  struct Statistics {
    std::uint64_t tasks_done = 0;
    std::uint64_t groups_started = 0;
    std::uint64_t groups_lost = 0;
    int groups = 0;  ///< alive now
    int peak_groups = 0;
    int peak_ranks = 0;
    std::chrono::nanoseconds busy{0};  ///< rank seconds spent in tasks, as the ranks told
  };

  Scheduler(Options options, SchedulerPort& port);

  /// Fails it at once after shutdown() and abandon(), and where it asks for more ranks than there may be.
  void submit(TaskPtr task);
  void submit(std::vector<TaskPtr>&& tasks);
  /// Starts as many groups of so many ranks as there is room for.
  void boot(int ranks);
  /// No submissions come after it. drained() follows, at once where nothing is left.
  void shutdown(bool cancel_queued);
  /// Fails all that is queued, running or submitted later, and ends all groups.
  void abandon(std::exception_ptr const& error);

  void group_ready(GroupId id, int ranks);
  void start_failed(int ranks, std::string const& why);
  /// Throws ProtocolError where the group has no such task, or the frame is no answer; nothing has changed then.
  void answered(GroupId id, int rank, Frame const& frame, std::string const& host);
  /// The future of a task that is not queued any more has ended: where a group runs it, it is to stop.
  void stop(Task const& task);
  /// After recall_tasks(): those from number `first` on will not be begun, and are queued again. Returns their numbers.
  /// Throws ProtocolError where the group was not asked.
  std::vector<std::uint64_t> recalled(GroupId id, std::uint64_t first);
  /// A task tells how much of it is done.
  void progress(GroupId group, std::uint64_t task, double done);
  /// A rank has made a file for its task, which is kept as long as the task's futures.
  void keep(GroupId group, std::uint64_t task, std::shared_ptr<void> keeper);
  /// A rank died; `how` says which one, where and how. The group's tasks go back to the queue or are given up;
  /// end_group follows.
  void group_lost(GroupId id, std::string const& how);
  /// The group's processes are gone and its slots are free. A group that was to stay is lost by it.
  void group_gone(GroupId id);

  /// A group of another scheduler needs this one's idle ranks.
  void release_idle();
  /// While set, groups that fall idle are released at once.
  void set_others_wait(bool others_wait) { others_wait_ = others_wait; }

  /// To be called at next_deadline() or later.
  void tick(Clock::time_point now);
  [[nodiscard]] std::optional<Clock::time_point> next_deadline() const;

  [[nodiscard]] Statistics const& statistics() const { return statistics_; }
  [[nodiscard]] bool idle() const { return queued_ == 0 && running_ == 0; }

 private:
  /// A task that was sent to a group, and the answers of its ranks so far.
  struct Sent {
    TaskPtr task;
    std::uint64_t id = 0;      ///< the task's: that may be far away in memory
    std::uint64_t number = 0;  ///< of those that its group was sent, from 0
    int answers_left = 0;
    std::uint16_t comm_slot = 0;
    bool all_ranks = false;     ///< the task's, too
    bool failed = false;        ///< its future is done already, or it will run again
    bool again = false;         ///< it will
    bool asked = false;         ///< its ranks were asked to stop
    bool stopped = false;       ///< by its master, not by an error of its own
    std::vector<Bytes> values;  ///< of all ranks, where all are wanted, or of rank 0, where others are to answer yet
  };

  /// First in, first out. Of thousands of groups most have one task: that takes one piece of memory.
  class SentTasks {
   public:
    [[nodiscard]] bool empty() const { return first_ == sent_.size(); }
    [[nodiscard]] std::size_t size() const { return sent_.size() - first_; }
    [[nodiscard]] Sent& operator[](std::size_t index) { return sent_[first_ + index]; }
    [[nodiscard]] Sent& front() { return sent_[first_]; }
    [[nodiscard]] auto begin() { return sent_.begin() + static_cast<std::ptrdiff_t>(first_); }
    [[nodiscard]] auto end() { return sent_.end(); }
    Sent& emplace_back() { return sent_.emplace_back(); }
    /// Its task was moved out.
    void pop_front();
    void erase(std::vector<Sent>::iterator begin, std::vector<Sent>::iterator end) { sent_.erase(begin, end); }

   private:
    std::vector<Sent> sent_;
    std::size_t first_ = 0;  ///< those before it are empty
  };

  struct Size;

  struct Group {
    GroupId id = 0;
    Size* size = nullptr;
    enum class State : std::uint8_t { ready, leaving, ending } state = State::ready;
    std::size_t idle_index = 0;  ///< within size->idle, while it is idle
    SentTasks sent;              ///< in the order in which the ranks run them
    std::uint64_t tasks_sent = 0;
    std::uint64_t tasks_answered = 0;  ///< by all ranks; sent.front().number only where it has several
    std::uint64_t tasks_recalled = 0;  ///< never, where it has several ranks
    std::uint64_t recall_end = 0;      ///< while it is recalling
    bool can_recall = false;
    bool recalling = false;         ///< asked, and not answered yet
    Clock::time_point front_since;  ///< roughly, when its first task became that
    unsigned comms_in_use = 0;      ///< a bit for each communicator, of which each task in flight has one of its own
    std::uint32_t only_comm_epoch = 0;       ///< of a group of one rank
    std::vector<std::uint32_t> comm_epochs;  ///< of any other
    std::vector<std::uint64_t> answers;      ///< the same: for each rank, how many it has given
    std::optional<Clock::time_point> deadline;
    [[nodiscard]] std::uint32_t& comm_epoch(std::size_t slot) {
      return comm_epochs.empty() ? only_comm_epoch : comm_epochs[slot];
    }
  };

  /// The queued tasks of one number of ranks, and the groups for them.
  struct Size {
    int ranks = 0;
    std::map<std::int32_t, std::deque<TaskPtr>, std::greater<>> queue;  ///< by priority, then in order of submission
    std::size_t queued = 0;
    std::size_t running = 0;  ///< tasks, also those that their group has not begun
    std::vector<Group*> idle;
    int starting = 0;
    int alive = 0;       ///< groups in state ready
    int recallable = 0;  ///< those of them that can give tasks back
    int leaving = 0;     ///< groups in the other states
    int birth_failures = 0;
    Clock::time_point not_before{};  ///< the next start, after one that failed
    bool paused = false;             ///< until then
    std::uint64_t overtaken = 0;     ///< less urgent tasks of other sizes that started while this one had no group
    std::uint64_t blocked_in = 0;    ///< the last pump() in which its first task could not be started
  };

  // The queue
  [[nodiscard]] bool accept(TaskPtr task);
  void push(TaskPtr task);
  [[nodiscard]] Task* front(Size& size);
  [[nodiscard]] TaskPtr pop(Size& size);
  [[nodiscard]] Size* most_urgent();
  void fail_queue(Size& size, std::exception_ptr const& error);
  void cancel_queue();

  // Tasks to groups
  void pump();
  void send(Group& group, TaskPtr task);
  void refill(Group& group);
  [[nodiscard]] std::size_t window(Group const& group) const;
  [[nodiscard]] bool is_kept_for_another(Size const& size);
  void finish_front(Group& group, std::string_view last_value);
  void run_again(TaskPtr task);
  void watch_front(Group& group);
  void set_deadline(Group& group, std::optional<Clock::time_point> deadline);
  void stop_late(Group& group, Clock::time_point now);
  [[nodiscard]] Size* size_with_waiting_tasks();
  void watch_waiting_tasks();
  void recall(Group& group);
  void recall_waiting_tasks(Clock::time_point now);

  // Groups
  [[nodiscard]] Size& size_of(int ranks);
  void start_group(Size& size);
  void start_groups(Size& size);
  void forgive(Size& size);
  void make_room(Size& size);
  void withdraw_starts();
  void retire_or_idle(Group& group);
  void remove_from_idle(Group& group);
  void leave_ready(Group& group, Group::State next);
  void release(Group& group);
  void end(Group& group);
  void take_back(Group& group, std::string const* loss);
  void check_drained();
  [[nodiscard]] bool worn_out(Group const& group) const {
    return options_.tasks_per_group != 0 && group.tasks_sent - group.tasks_recalled >= options_.tasks_per_group;
  }

  Options options_;
  SchedulerPort& port_;
  std::map<int, Size> sizes_;
  std::unordered_map<GroupId, Group> groups_;
  std::set<std::pair<Clock::time_point, GroupId>> deadlines_;
  std::optional<Clock::time_point> recall_at_;  ///< when groups are looked at whose tasks wait
  int paused_ = 0;                              ///< sizes whose next start has to wait
  int ranks_taken_ = 0;                         ///< by groups that start, live, leave or end
  int ranks_leaving_ = 0;                       ///< by groups that leave or end
  std::size_t queued_ = 0;
  std::size_t running_ = 0;
  std::uint64_t next_task_ = 0;
  std::uint64_t pumps_ = 0;
  double mean_run_nanoseconds_ = -1;  ///< of late; < 0: not known
  Size* kept_for_ = nullptr;          ///< the size for which room is being made, at the cost of tasks of others
  bool shut_down_ = false;
  bool drained_told_ = false;
  bool others_wait_ = false;
  std::exception_ptr abandoned_;
  Statistics statistics_;
};

}  // namespace farm::detail
