#pragma once

#include "core/resources/budget.hpp"
#include "spawn/sources/group_source.hpp"
#include "spawn/sources/source_port.hpp"

#include <mpi.h>
#include <asio/steady_timer.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace farm::detail {

/// Forms groups of ranks that were there from the start. A rank that dies is not replaced.
class StaticSource final : public GroupSource {
 public:
  /// The ranks are 0 to `ranks` - 1 without `own`, which is the master. A master that is alone is the only rank itself.
  StaticSource(SourcePort& port, int ranks, int own, Slots slots);
  ~StaticSource() override;

  /// Starts the only rank as a thread of this process, with `self` as its communicator. That rank cannot be killed.
  /// Thread-safe.
  void serve_here(MPI_Comm self);
  /// Blocks until all ranks have connected. Not for the hub's thread. Throws SpawnError if they have not within
  /// `limit`.
  void wait_for_all(Clock::duration limit);

  [[nodiscard]] Slots const& slots() const override { return slots_; }
  [[nodiscard]] Source kind() const override { return Source::static_ranks; }
  void check(int ranks, WorkerOptions const& options) const override;
  [[nodiscard]] std::vector<HostResources> resources() const override;
  [[nodiscard]] bool has_room(Request const& request, WorkerOptions const& options) const override {
    return static_cast<int>(choose(request, options).size()) == request.ranks;
  }
  [[nodiscard]] std::string refusal(Request const& request, WorkerOptions const& options) const override;
  void start(std::shared_ptr<Group> const& group, int peak_ranks, WorkerOptions const& options,
             Clock::duration limit) override;
  bool withdraw(Group const& group) override;
  void released(Group const& group) override;
  void take_back(std::vector<Member> members) override;
  void attach(Hello const& hello, Socket socket) override;
  void close(std::function<void()> done) override;
  [[nodiscard]] bool ended() const override;
  [[nodiscard]] bool stuck() const override { return mpi_is_broken_; }

 private:
  void watch(Member& member);
  void add_free(Member&& member);
  [[nodiscard]] int free_on(std::vector<std::string> const& hosts) const;
  [[nodiscard]] std::vector<int> choose(Request const& request, WorkerOptions const& options) const;
  void on_closed(int static_rank, bool lifeline, std::string const& why);
  void check_closed();

  /// The ranks of a group.
  struct Taken {
    Request request{};
    std::vector<std::string> hosts{};  ///< of each rank
  };
  struct Host {
    std::set<int> processors{};  ///< that any of its ranks may use
    Capacity capacity{};
    Usage usage{};
  };

  SourcePort& port_;
  Slots slots_;
  int own_;
  int expected_;                          ///< ranks that have not connected yet
  std::map<std::uint64_t, Taken> taken_;  ///< by group
  std::map<int, Member> free_;            ///< by the number of the static rank
  std::map<int, Member> coming_;          ///< ranks of which one of two streams is connected
  std::function<void()> closed_;          ///< not empty: the ranks were told to leave
  asio::steady_timer timer_;
  std::size_t joined_ = 0;      ///< ranks that have ever connected
  bool mpi_is_broken_ = false;  ///< MPI_Finalize would wait for dead ranks, or for lost messages

  std::thread here_;  ///< the rank that is a thread of this process

  mutable std::mutex mutex_;
  std::condition_variable all_here_;
  bool complete_ = false;
  std::map<std::string, Host> hosts_;  ///< of all ranks that have ever connected
};

}  // namespace farm::detail
