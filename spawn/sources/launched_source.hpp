#pragma once

#include "spawn/hosts/hosts.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/launch/launcher_process.hpp"
#include "spawn/launch/srun_messages.hpp"
#include "spawn/sources/group_source.hpp"
#include "spawn/sources/source_port.hpp"

#include <asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace farm::detail {

/// Starts each group by a launcher of its own, such as mpiexec or srun, as a job on hosts that the farm chooses. The
/// loss of a host costs the groups that had ranks there. No more groups are placed on a lost host.
///
/// srun outside of a Slurm job gets a job for each group. Slurm chooses the hosts then, and the group may wait in
/// Slurm's queue for any time.
class LaunchedSource final : public GroupSource {
 public:
  /// Finds the hosts. Call it on the hub's thread. Throws UsageError or SpawnError if the hosts cannot be found out.
  explicit LaunchedSource(SourcePort& port);
  ~LaunchedSource() override;

  [[nodiscard]] Source kind() const override { return Source::launched; }
  [[nodiscard]] Slots const& slots() const override { return counted_; }
  [[nodiscard]] std::vector<HostResources> resources() const override;
  [[nodiscard]] bool launcher_gives_devices() const override;
  void check(int ranks, WorkerOptions const& options) const override;
  [[nodiscard]] bool has_room(Request const& request, WorkerOptions const& options) const override;
  [[nodiscard]] std::string refusal(Request const& request, WorkerOptions const& options) const override;
  void start(std::shared_ptr<Group> const& group, int peak_ranks, WorkerOptions const& options,
             Clock::duration limit) override;
  bool withdraw(Group const& group) override;
  void released(Group const& group) override;
  void host_lost(Group const& group, int rank) override;
  [[nodiscard]] std::string captured_output(Group const& group) const override;
  [[nodiscard]] bool launcher_was_killed(Group const& group) const override;
  void take_back(std::vector<Member> members) override;
  void attach(Hello const& hello, Socket socket) override;
  void close(std::function<void()> done) override;
  [[nodiscard]] bool ended() const override { return launches_.empty(); }

  /// Returns the hosts as they were at the start. Thread-safe.
  [[nodiscard]] HostList const& hosts() const { return slots_.list(); }

 private:
  struct Launch {
    std::shared_ptr<Group> group;  ///< null: the group is gone, and only its launcher is left
    WorkerOptions options;
    int peak_ranks = 1;
    Placement placement;
    std::string join_file;                    ///< the path of write_join_info()
    std::string session_directory;            ///< of Open MPI's launcher; empty: the launcher chooses one
    std::string launcher;                     ///< its name, for people
    bool has_own_job = false;                 ///< srun asks Slurm for a job for this group alone
    Clock::duration limit{};                  ///< for the start of the group, once it has its hosts
    std::string queued_job;                   ///< the number of the Slurm job that waits in the queue; empty: none does
    std::shared_ptr<LauncherProcess> squeue;  ///< asks why the job waits
    std::shared_ptr<asio::steady_timer> squeue_timer;  ///< until squeue is called
    Clock::duration squeue_interval{};
    std::shared_ptr<LauncherProcess> process;
    std::shared_ptr<asio::steady_timer> timer;  ///< until the launcher is ended
  };

  void launch(std::uint64_t id, Launch& entry);
  void on_ended(std::uint64_t id);
  [[nodiscard]] bool try_elsewhere(std::uint64_t id, Launch& entry);
  void forget(std::uint64_t id);
  void on_queue_news(std::uint64_t id, QueueNews const& news);
  void watch_queue(std::uint64_t id);
  void ask_why_queued(std::uint64_t id);
  void on_queue_reason(std::uint64_t id, std::string const& reason);
  [[nodiscard]] std::vector<std::string> resources(Launch const& entry, std::string const& program) const;
  void lose(std::string const& host, std::string const& why);
  [[nodiscard]] std::vector<std::string> environment(Launch const& entry) const;
  [[nodiscard]] static std::string failure_of(Launch const& entry);

  SourcePort& port_;
  SlotMap slots_;
  Slots counted_;
  std::unordered_map<std::uint64_t, Launch> launches_;
  bool has_told_of_queue_ = false;
  std::set<std::string> suspects_;  ///< hosts where ranks and guards broke off without a report
  std::function<void()> closed_;
};

}  // namespace farm::detail
