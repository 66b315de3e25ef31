#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// The directory in which Open MPI's mpiexec keeps its own files. By default all that run on a host share one, below
/// TMPDIR, and those that start at the same moment fail if both create it, or if one removes it as the other begins.
namespace farm::detail {

/// Makes a session directory for one launcher, in the directory of this process's StageRun, with which it is removed if
/// this process is killed. Returns an empty string if there is no such directory, or if it is not fit: its path is
/// long, the file system is shared by several hosts, or the group is not on this host alone. Then makes the directory
/// that launchers share, so that none has to.
[[nodiscard]] std::string make_session_directory(std::uint64_t group, bool on_this_host);

/// Adds the directory to the launcher's environment, unless the directory is empty or the environment names others.
void add_session_setting(std::string const& directory, std::vector<std::string>& environment);

/// Removes the directory with all that is in it. Does nothing for an empty string.
void remove_session_directory(std::string const& directory) noexcept;

}  // namespace farm::detail
