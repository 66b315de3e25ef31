#pragma once

#include <chrono>
#include <string>
#include <vector>

/// Connections between hosts: where other hosts reach the master, and how each end notices that the other is gone.
namespace farm::detail {

/// Returns how long a host may be silent before it is given up: FARM_HEARTBEAT in seconds, 20 s by default; 0 means for
/// ever. Throws UsageError if the setting is not such a number.
[[nodiscard]] std::chrono::seconds heartbeat();

/// Makes the kernels of both hosts exchange heartbeats over this TCP connection, however busy, stopped or idle the
/// processes are. The connection breaks ("Connection timed out") when the other host has been silent for `limit`,
/// whether or not there was anything to send. Each end must call this. Does nothing if `limit` is 0.
void enable_heartbeat(int socket, std::chrono::seconds limit);

/// Returns numeric addresses at which other hosts may reach this one, the most likely first. If FARM_ADDRESS is set, it
/// is the only one; otherwise, these are the IPv4 addresses of all interfaces that are up, except loopback. Throws
/// SpawnError if there are none, and UsageError if FARM_ADDRESS cannot be resolved.
[[nodiscard]] std::vector<std::string> reachable_addresses();

}  // namespace farm::detail
