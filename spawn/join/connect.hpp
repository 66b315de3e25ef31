#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/wire/socket.hpp"

#include <asio/io_context.hpp>

#include <chrono>

namespace farm::detail {

/// Longer than the listener's handshake timeout: a connector may have to wait while others run into it.
inline constexpr std::chrono::milliseconds connect_timeout{30'000};

/// Connects to the master and authenticates both ends: over the Unix socket if the master is on this host, else over
/// TCP, trying its addresses in order. Blocks for at most `timeout`. Throws SpawnError if the master cannot be reached
/// in that time or does not hold the key.
[[nodiscard]] Socket connect_to_master(asio::io_context& context, JoinInfo const& join_info, Hello const& hello,
                                       std::chrono::milliseconds timeout = connect_timeout);

}  // namespace farm::detail
