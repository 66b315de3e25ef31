#pragma once

#include "spawn/hosts/host_slots.hpp"

#include <string>
#include <vector>

/// Lists of hosts, as users write them.
namespace farm::detail {

/// Parses "a:4,b:4,c" or "node[01-04]:8". A host without a number has one slot; a host that is named twice has the sum.
/// Errors name `where`. Throws UsageError.
[[nodiscard]] std::vector<HostSlots> parse_hosts(std::string const& text, std::string const& where);

/// Reads a host file, one entry a line, as Open MPI ("a slots=4 max_slots=8"), MPICH ("a:4 binding=..") and Slurm
/// ("node[01-04]") write them. What follows # is a comment. Throws UsageError, which names the line, for anything else,
/// and if the file names no host.
[[nodiscard]] std::vector<HostSlots> read_hostfile(std::string const& path);

}  // namespace farm::detail
