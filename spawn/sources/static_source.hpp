#pragma once

#include "spawn/sources/group_source.hpp"
#include "spawn/sources/source_port.hpp"

#include <mpi.h>
#include <asio/steady_timer.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace farm::detail {

/// Groups that are formed of ranks which were there from the start. One that dies is not replaced.
class StaticSource final : public GroupSource {
 public:
  /// Of `ranks` ranks, whose numbers are 0.. but `own`, the master's.
  StaticSource(SourcePort& port, int ranks, int own, Slots slots);
  ~StaticSource() override;

  /// The only rank is a thread of this process, with a communicator of its own. It cannot be killed.
  void serve_here(MPI_Comm self);
  /// Blocks until all ranks have come; not for the hub's thread. Throws SpawnError where they have not in time.
  void wait_for_all(Clock::duration limit);

  [[nodiscard]] Slots const& slots() const override { return slots_; }
  [[nodiscard]] Source kind() const override { return Source::static_ranks; }
  [[nodiscard]] bool has_room(int ranks, WorkerOptions const& /*options*/) const override {
    return free_.size() >= static_cast<std::size_t>(ranks);
  }
  [[nodiscard]] std::string refusal(int ranks, WorkerOptions const& options) const override;
  void start(std::shared_ptr<Group> const& group, int peak_ranks, WorkerOptions const& options,
             Clock::duration limit) override;
  bool withdraw(Group const& group) override;
  void released(Group const& group) override;
  void take_back(std::vector<Member> members) override;
  void attach(Hello const& hello, Socket socket) override;
  void close(std::function<void()> done) override;
  [[nodiscard]] bool ended() const override;

 private:
  void watch(Member& member);
  void on_closed(int static_rank, bool lifeline, std::string const& why);
  void check_closed();

  SourcePort& port_;
  Slots slots_;
  int own_;
  int expected_;                  ///< that have not come yet
  int taken_ = 0;                 ///< by groups
  std::map<int, Member> free_;    ///< by seat
  std::map<int, Member> coming_;  ///< of which only one of two streams is there
  std::function<void()> closed_;  ///< not empty: they were sent away
  asio::steady_timer timer_;

  std::thread here_;  ///< of a rank in this process

  std::mutex mutex_;
  std::condition_variable all_here_;
  bool complete_ = false;
};

}  // namespace farm::detail
