#pragma once

#include "core/task/frame.hpp"
#include "spawn/group/member.hpp"
#include "spawn/wire/flush_list.hpp"

#include <asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

class Group;

/// What a group asks of the hub that it belongs to. A group calls this on the hub's thread only.
class GroupPort {
 public:
  GroupPort() = default;
  GroupPort(GroupPort const&) = delete;
  GroupPort& operator=(GroupPort const&) = delete;
  virtual ~GroupPort() = default;

  /// The loop on which the streams and the timers of the group live.
  [[nodiscard]] virtual asio::io_context& context() = 0;
  /// Runs `f` on the hub's thread, later, never inside this call.
  virtual void post(std::function<void()> f) = 0;
  /// The list that the hub flushes after each batch of handlers.
  [[nodiscard]] virtual FlushList& flush_list() = 0;
  /// Gives the rank at the other end a ring in shared memory, if it is on this host. Call it before anything is sent.
  virtual void offer_ring(std::shared_ptr<Stream> const& stream) = 0;
  /// Prints what a rank has printed. Stream 1 is stdout, 2 is stderr.
  virtual void print(std::uint64_t stream, std::string_view lines) = 0;
  /// Returns what the source knows about a group that does not become ready, such as its launcher's output. Empty if it
  /// knows nothing.
  [[nodiscard]] virtual std::string captured_output(Group const& group) = 0;
  /// Returns true if the launcher of this group alone was ended by a signal: MPI then ends its ranks with a status.
  [[nodiscard]] virtual bool launcher_was_killed(Group const& group) = 0;
  /// A host does not answer any more. All groups with ranks there lose them.
  virtual void host_lost(std::string const& host) = 0;
  /// Returns the cores and devices of each rank of a group whose ranks have all connected; nothing if the ranks stay as
  /// they are. They are the group's until forget().
  [[nodiscard]] virtual std::vector<Assignment> assign(Group const& group) = 0;
  /// Returns ranks that outlive their group to the source that they came from.
  virtual void take_back(Group const& group, std::vector<Member> members) = 0;
  /// Forgets the group, which has no processes any more, and frees its slots.
  virtual void forget(std::uint64_t group) = 0;
};

}  // namespace farm::detail
