#pragma once

#include "core/task/task.hpp"
#include "spawn/group/member.hpp"
#include "spawn/join/handshake.hpp"

#include <farm/worker_options.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace farm::detail {

class Group;

/// How many ranks may be alive at once besides the master.
struct Slots {
  int total = 0;
  bool limited = false;                            ///< false: as many as are asked for
  std::string origin;                              ///< where the number comes from, for people
  std::function<std::string(int ranks)> remedy{};  ///< what to do to have so many; likewise
};

/// Where the groups of a hub come from. All but slots() is called on the hub's thread.
class GroupSource {
 public:
  GroupSource() = default;
  GroupSource(GroupSource const&) = delete;
  GroupSource& operator=(GroupSource const&) = delete;
  virtual ~GroupSource() = default;

  /// As it was at the start. Thread-safe.
  [[nodiscard]] virtual Slots const& slots() const = 0;
  [[nodiscard]] virtual Source kind() const = 0;
  /// Throws SpawnError where no group can be started at all, or not so many ranks, and UsageError where none can with
  /// these options. Thread-safe.
  virtual void check(int /*ranks*/, WorkerOptions const& /*options*/) const {}
  [[nodiscard]] virtual bool has_room(int ranks, WorkerOptions const& options) const = 0;
  /// Why no group of so many ranks can be started any more; empty where one can, if not now.
  [[nodiscard]] virtual std::string refusal(int ranks, WorkerOptions const& options) const = 0;
  /// Where there is room: the group's expect(), take() or start_failed() follows, and in any case released().
  virtual void start(std::shared_ptr<Group> const& group, int peak_ranks, WorkerOptions const& options,
                     Clock::duration limit) = 0;
  /// True where that had not begun: the group will not be heard of again, nor is released() called.
  virtual bool withdraw(Group const& group) = 0;
  /// The group is gone: what it has taken is free.
  virtual void released(Group const& group) = 0;
  /// The host of a rank is silent, and was given up.
  virtual void host_lost(Group const& /*group*/, int /*rank*/) {}
  /// What is known of a group that has not come to life; empty: nothing.
  [[nodiscard]] virtual std::string captured_output(Group const& /*group*/) const { return {}; }
  /// Ranks of a group that outlive it.
  virtual void take_back(std::vector<Member> members) = 0;
  /// A rank has come that belongs to no group yet.
  virtual void attach(Hello const& hello, Socket socket) = 0;
  /// There are no groups any more, and there will be none: `done` is called when the ranks have been sent away.
  virtual void close(std::function<void()> done) = 0;
  /// After close(): true where what this started is gone, and it may be destroyed.
  [[nodiscard]] virtual bool ended() const = 0;
  /// A start can never come back: MPI must not be finalized, nor the source be destroyed.
  [[nodiscard]] virtual bool stuck() const { return false; }
  /// Groups that are to come from here, but need not, are to be launched.
  [[nodiscard]] virtual bool is_to_be_replaced() const { return false; }
};

}  // namespace farm::detail
