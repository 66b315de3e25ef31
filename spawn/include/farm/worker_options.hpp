#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace farm {

/// What the ranks of a pool are started with.
struct WorkerOptions {
  /// Their working directory; empty: that of the master. It must exist on their hosts.
  std::string working_directory{};
  /// Added to their environment. A value has no line break.
  std::map<std::string, std::string> environment{};
  /// Further pairs for the MPI_Info of MPI_Comm_spawn; they go before the farm's own (bind_to, map_by).
  std::vector<std::pair<std::string, std::string>> mpi_info{};
  /// Hosts on which they are started, of those that mpiexec was given; empty: MPI chooses.
  std::vector<std::string> hosts{};
  /// What a task prints goes to a file task-N.rank-R.txt in this directory; empty: to the master's terminal, by whole
  /// lines.
  std::string output_directory{};
};

}  // namespace farm
