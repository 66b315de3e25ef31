#pragma once

#include <farm/comm.hpp>

#include "spawn/hosts/hosts.hpp"

#include <sched.h>
#include <map>
#include <string>
#include <vector>

namespace farm::detail {

/// Where the ranks of a group run.
struct GroupPlace {
  Placement placement{};  ///< in rank order
  cpu_set_t cores{};      ///< of the ranks on the host of rank 0, together
  /// Likewise, the lists of device_variable_names, without those that are not set.
  std::map<std::string, std::string> devices{};
};

/// Returns the place of a group. The first call for a group is collective over its ranks; all of them keep the answer.
/// Throws MpiError.
[[nodiscard]] GroupPlace const& place_of(Comm const& comm);

/// Returns the command that starts the program on the hosts of a group, with one process for each rank: by mpiexec, or
/// by srun as a step that shares the group's own part of the job. `launcher` is a text as LaunchCommand takes it.
/// `exports` names variables that processes on other hosts are to have. Throws UsageError if the launcher is not known
/// or cannot start such a program.
[[nodiscard]] std::vector<std::string> launch_on_group(std::string const& launcher, GroupPlace const& place,
                                                       std::vector<std::string> const& command,
                                                       std::vector<std::string> const& exports);

}  // namespace farm::detail
