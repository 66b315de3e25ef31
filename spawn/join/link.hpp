#pragma once

#include <chrono>
#include <string>
#include <vector>

/// Streams between hosts: where the master can be reached, and how either end finds that the other is no more.
namespace farm::detail {

/// How long a host may be silent before it is given up: FARM_HEARTBEAT, in seconds, 20 where it is not set, 0 for ever.
/// Throws UsageError where it is no such number.
[[nodiscard]] std::chrono::seconds heartbeat();

/// The kernels of both hosts exchange heartbeats over this TCP connection, however busy, stopped or idle the processes
/// are, and it breaks ("Connection timed out") when the other host has been silent for `limit`, whether or not anything
/// was to be sent. Each end sets this for itself.
void watch_link(int socket, std::chrono::seconds limit);

/// Numeric addresses under which other hosts may reach this one, the likeliest first: FARM_ADDRESS alone where it is
/// set, else those of all interfaces that are up, but loopback. Throws SpawnError where there are none.
[[nodiscard]] std::vector<std::string> reachable_addresses();

}  // namespace farm::detail
