#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/wire/stream.hpp"

#include <asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace farm::detail {

class GroupSource;

/// What a source of groups asks of the hub. A source calls this on the hub's thread, except for the functions that say
/// that they are thread-safe.
class SourcePort {
 public:
  SourcePort() = default;
  SourcePort(SourcePort const&) = delete;
  SourcePort& operator=(SourcePort const&) = delete;
  virtual ~SourcePort() = default;

  /// The loop on which the timers and the launchers' pipes of the source live.
  [[nodiscard]] virtual asio::io_context& context() = 0;
  /// Runs `f` on the hub's thread, later, never inside this call. Thread-safe.
  virtual void post(std::function<void()> f) = 0;
  /// Gives the rank at the other end a ring in shared memory, if it is on this host. Call it before anything is sent.
  virtual void offer_ring(std::shared_ptr<Stream> const& stream) = 0;
  /// Prints what a rank has printed. Stream 1 is stdout, 2 is stderr.
  virtual void print(std::uint64_t stream, std::string_view lines) = 0;

  /// Returns where the master listens and the key of this run. The caller fills in what concerns the group.
  /// Thread-safe.
  [[nodiscard]] virtual JoinInfo join_info() const = 0;
  /// Lets ranks on other hosts connect. Blocks, unless on the hub's thread. Throws SpawnError if other hosts cannot
  /// reach this one, and UsageError if a setting is wrong. Thread-safe.
  virtual void open_to_network() = 0;

  /// The source has more or fewer slots: waiting groups may start now, or never.
  virtual void room_has_changed() = 0;
  /// The source has ended: GroupSource::ended() is true from now on.
  virtual void source_ended() = 0;
  /// The source starts no more groups. Those that wait for it, or are being started, fail with `why`.
  virtual void fail_starting(GroupSource const& source, std::string const& why) = 0;
  /// The source starts no more groups, and cannot finish the start of group `begun`, which fails with `why`. Other
  /// groups that are not there yet are launched instead; but those whose pool insists on this source fail, too.
  virtual void stop_starting(GroupSource& source, std::uint64_t begun, std::string const& why) = 0;
  /// Returns the source of launched groups, and makes it if there is none yet. Throws UsageError or SpawnError if the
  /// hosts cannot be found out.
  virtual GroupSource& launched() = 0;
};

}  // namespace farm::detail
