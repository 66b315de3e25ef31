#pragma once

#include "core/scheduler/scheduler.hpp"
#include "spawn/engine/dependent_task.hpp"
#include "spawn/engine/engine_status.hpp"
#include "spawn/engine/engine_trace.hpp"
#include "spawn/engine/task_inbox.hpp"
#include "spawn/group/group.hpp"
#include "spawn/hub/hub_client.hpp"
#include "spawn/resources/host_resources.hpp"

#include <farm/detail/engine_options.hpp>
#include <farm/statistics.hpp>

#include <asio/steady_timer.hpp>

#include <sys/types.h>
#include <unistd.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace farm::detail {

class Hub;

/// A scheduler with its groups, on the hub's thread. What the scheduler asks goes to groups and the hub; what groups
/// tell goes to the scheduler. Lives as long as its last group.
class EngineCore final : private SchedulerPort,
                         private GroupOwner,
                         private HubClient,
                         public std::enable_shared_from_this<EngineCore> {
 public:
  /// `hub_keeper` is null if the hub outlives all engines.
  EngineCore(EngineOptions options, std::vector<HostResources> hosts, RankOwner rank_owner, Hub& hub,
             std::shared_ptr<Hub> hub_keeper);

  /// To be called once, before anything else.
  void begin();

  // Thread-safe

  /// Throws QueueFull and ShutdownError. May block, as the queue limit says.
  StatePtr submit(TaskPtr task);
  /// As submit(), once all sources are done. Until then the task counts as queued.
  StatePtr submit_after(ArgumentSources const& sources, std::function<PackedCall()> make_call,
                        IntrusivePtr<DependentTask> task);
  /// The future of a task has ended: if a group runs the task, it is to stop.
  void stop(TaskPtr task);
  /// With `cancel`, blocks until what is queued is cancelled, unless on the hub's thread.
  void shut_down(bool cancel);
  void terminate();
  /// Returns at once on the hub's thread, which would wait for itself.
  void wait_drained();
  /// Throws ShutdownError, or the error of the initializer, if no task can run any more.
  void boot(bool wait);
  /// Returns false in a forked child of the process that made this: there is no hub's thread.
  [[nodiscard]] bool is_in_owner() const { return getpid() == owner_process_; }
  /// Keeps this from being destroyed. For a forked child.
  void live_for_ever() { keep_alive_ = shared_from_this(); }
  /// Returns true unless the engine was shut down or its initializer has failed.
  [[nodiscard]] bool is_usable() { return status_.is_usable(); }
  [[nodiscard]] Statistics statistics();
  [[nodiscard]] EngineOptions const& options() const { return options_; }
  [[nodiscard]] std::vector<HostResources> const& hosts() const { return hosts_; }
  [[nodiscard]] Request const& default_request() const { return default_request_; }
  /// Returns what keep_request() returns for it.
  [[nodiscard]] Request const* kept_request() const { return kept_request_; }
  [[nodiscard]] RankOwner rank_owner() const { return rank_owner_; }

 private:
  [[nodiscard]] bool may_block() const;
  void dependent_done(TaskPtr const& task, bool is_to_be_queued);
  void take_inbox();
  void watch_clock();
  void report_failed_start(Group const& group, std::string const& why);
  void break_pool(std::string const& why);
  void forget_start(GroupId id);
  void answer_staged(Group& group, int rank, Frame const& frame);

  // SchedulerPort
  void start_group(Request const& request) override;
  bool withdraw_start(Request const& request) override;
  void send_task(GroupId id, Task const& task, TaskHeader header) override;
  void stop_task(GroupId id, std::uint64_t index) override;
  void recall_tasks(GroupId id, std::uint64_t end) override;
  [[nodiscard]] bool can_recall(GroupId id) override;
  void will_not_answer(GroupId group, std::uint64_t task) override;
  void end_group(GroupId id) override;
  void release_group(GroupId id) override;
  Clock::time_point now() override;
  Clock::time_point roughly_now() override;
  void drained() override;

  // GroupOwner
  [[nodiscard]] Initializer const& initializer() const override { return options_.initializer; }
  void on_ready(Group& group) override;
  void on_start_failed(Group& group, StartFailure const& failure) override;
  void on_answer(Group& group, int rank, Frame const& frame) override;
  void on_progress(Group& group, std::uint64_t task, double done) override;
  void on_recalled(Group& group, std::uint64_t first) override;
  void on_times(Group& group, int rank, Frame const& frame) override;
  void on_staged(Group& group, Frame const& frame) override;
  void on_lost(Group& group, std::string const& how, std::optional<int> exited) override;
  void on_gone(Group& group) override;

  // HubClient
  void others_wait(bool waiting) override;
  void waits_for_own_groups(Group& group) override;
  void interrupted(std::exception_ptr const& error) override;

  pid_t owner_process_ = getpid();
  EngineOptions options_;
  std::vector<HostResources> hosts_;  ///< what the hosts of this engine have
  Request default_request_;           ///< of tasks whose options do not say
  Request const* kept_request_;
  RankOwner rank_owner_;
  std::shared_ptr<Hub> hub_keeper_;
  Hub& hub_;
  EngineTrace trace_;
  std::shared_ptr<TaskInbox> inbox_;
  EngineStatus status_;

  // What follows is used on the hub's thread only.
  Scheduler scheduler_;
  asio::steady_timer timer_;
  std::optional<Clock::time_point> watched_;  ///< the deadline that the timer is set to
  std::unordered_map<GroupId, std::shared_ptr<Group>> groups_;
  std::unordered_map<GroupId, std::vector<std::uint64_t>> unanswered_;  ///< tasks of groups that are being ended
  std::vector<TaskPtr> taken_;                                          ///< empty: its memory serves again
  std::vector<GroupId> starting_;
  std::vector<GroupId> failed_starts_;      ///< groups that the scheduler does not know any more
  bool broken_ = false;                     ///< the initializer has failed
  std::string reported_;                    ///< why the last group could not be started
  std::string unreported_;                  ///< the line about it that was not logged yet
  std::shared_ptr<EngineCore> keep_alive_;  ///< this, as long as there are groups, which refer to it
};

}  // namespace farm::detail
