#pragma once

#include "core/resources/budget.hpp"
#include "spawn/sources/group_source.hpp"
#include "spawn/sources/source_port.hpp"
#include "spawn/sources/spawner.hpp"

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace farm::detail {

/// Starts groups by PMIx_Spawn or MPI_Comm_spawn. Each is a job with an MPI_COMM_WORLD of its own.
class SpawnedSource final : public GroupSource {
 public:
  SpawnedSource(SourcePort& port, Slots slots);
  ~SpawnedSource() override;

  [[nodiscard]] Slots const& slots() const override { return slots_; }
  [[nodiscard]] Source kind() const override { return Source::spawned; }
  void check(int ranks, WorkerOptions const& options) const override;
  [[nodiscard]] std::vector<HostResources> resources() const override { return hosts_; }
  [[nodiscard]] bool has_room(Request const& request, WorkerOptions const& /*options*/) const override {
    return budget_.fits(without_named(request), taken_);
  }
  [[nodiscard]] std::string refusal(Request const& request, WorkerOptions const& options) const override;
  void start(std::shared_ptr<Group> const& group, int peak_ranks, WorkerOptions const& options,
             Clock::duration limit) override;
  bool withdraw(Group const& group) override;
  void released(Group const& group) override;
  void host_lost(Group const& group, int rank) override;
  void take_back(std::vector<Member> members) override;
  void attach(Hello const& hello, Socket socket) override;
  void close(std::function<void()> done) override;
  [[nodiscard]] bool ended() const override { return true; }
  [[nodiscard]] bool stuck() const override { return !stuck_.empty(); }
  [[nodiscard]] bool is_to_be_replaced() const override { return gave_up_; }

 private:
  void limit_spawn(Clock::duration limit, std::string const& why);
  void spawn_is_over();
  void give_up(std::string const& why);

  SourcePort& port_;
  Slots slots_;
  std::vector<HostResources> hosts_;  ///< mpiexec chooses among them
  Budget budget_;
  Usage taken_;
  std::uint64_t spawning_ = 0;      ///< the group that is being spawned; 0: none
  bool spawning_by_mpi_ = false;    ///< by MPI_Comm_spawn, which may wait for a dead rank
  asio::steady_timer stuck_timer_;  ///< until the spawn has to return
  std::function<void()> closed_;    ///< not empty: close() waits for the spawn that is under way
  bool gave_up_ = false;            ///< spawning hangs; groups are launched instead
  std::string stuck_;               ///< why spawning does not work any more; empty if it does
  std::unique_ptr<Spawner> spawner_;
};

}  // namespace farm::detail
