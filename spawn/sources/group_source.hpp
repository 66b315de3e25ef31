#pragma once

#include "core/task/task.hpp"
#include "spawn/group/member.hpp"
#include "spawn/join/handshake.hpp"
#include "spawn/resources/host_resources.hpp"

#include <farm/worker_options.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace farm::detail {

class Group;

/// How many ranks may be alive at once, without the master.
struct Slots {
  int total = 0;
  bool limited = false;                            ///< false: as many as are asked for
  std::string origin;                              ///< where the number comes from, for people
  std::function<std::string(int ranks)> remedy{};  ///< returns what to do to have so many, for people
};

/// Where the groups of a hub come from. The hub calls this on its thread, except for the functions that say that they
/// are thread-safe.
class GroupSource {
 public:
  GroupSource() = default;
  GroupSource(GroupSource const&) = delete;
  GroupSource& operator=(GroupSource const&) = delete;
  virtual ~GroupSource() = default;

  /// Returns the slots as they were at the start. Thread-safe.
  [[nodiscard]] virtual Slots const& slots() const = 0;
  [[nodiscard]] virtual Source kind() const = 0;
  /// Returns what each host has for ranks, as it was at the start. Thread-safe.
  [[nodiscard]] virtual std::vector<HostResources> resources() const = 0;
  /// Returns true if the launcher gives the ranks of groups their devices, as srun does.
  [[nodiscard]] virtual bool launcher_gives_devices() const { return false; }
  /// Throws SpawnError if no group can be started at all, or not so many ranks, and UsageError if the options ask for
  /// what the source cannot do. Thread-safe.
  virtual void check(int /*ranks*/, WorkerOptions const& /*options*/) const {}
  /// Returns true if a group for such tasks can be started now, as far as hosts decide.
  [[nodiscard]] virtual bool has_room(Request const& request, WorkerOptions const& options) const = 0;
  /// Returns why no group for such tasks can ever be started again. Empty if one can, now or later.
  [[nodiscard]] virtual std::string refusal(Request const& request, WorkerOptions const& options) const = 0;
  /// Starts a group. Requires has_room(). The source then calls expect(), form() or start_failed() of the group; the
  /// hub calls released() when the group is gone.
  virtual void start(std::shared_ptr<Group> const& group, int peak_ranks, WorkerOptions const& options,
                     Clock::duration limit) = 0;
  /// Returns true if the start of the group had not begun. The source has forgotten the group then; released() does not
  /// follow.
  virtual bool withdraw(Group const& group) = 0;
  /// The group is gone, and its slots are free.
  virtual void released(Group const& group) = 0;
  /// The host of a rank does not answer any more, and was given up.
  virtual void host_lost(Group const& /*group*/, int /*rank*/) {}
  /// Returns what is known about a group that does not become ready, for people. Empty if nothing is.
  [[nodiscard]] virtual std::string captured_output(Group const& /*group*/) const { return {}; }
  /// Returns true if the launcher of this group alone was ended by a signal.
  [[nodiscard]] virtual bool launcher_was_killed(Group const& /*group*/) const { return false; }
  /// Takes back ranks that outlive their group.
  virtual void take_back(std::vector<Member> members) = 0;
  /// Connects a rank that belongs to no group yet. Throws ProtocolError if none is expected.
  virtual void attach(Hello const& hello, Socket socket) = 0;
  /// No groups are left, and no more will come. Sends the ranks away that the source still has, and then calls `done`.
  virtual void close(std::function<void()> done) = 0;
  /// Returns true if all that the source started is gone, after close(). The source may be destroyed then.
  [[nodiscard]] virtual bool ended() const = 0;
  /// Returns true if a call never returns from MPI, or MPI_Finalize would not return: then MPI must not be finalized.
  [[nodiscard]] virtual bool stuck() const { return false; }
  /// Returns true if groups for which this source is only the default are to be launched instead.
  [[nodiscard]] virtual bool is_to_be_replaced() const { return false; }
};

}  // namespace farm::detail
