#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace farm {

/// Where the groups of a pool come from.
enum class Source : std::uint8_t {
  automatic,     ///< as the Runtime has found: FARM_SOURCE, or how the program was started
  spawned,       ///< MPI_Comm_spawn
  static_ranks,  ///< the ranks that the program was started with, as by `mpiexec -n 17`
  launched,      ///< a launcher for each group, such as mpiexec or srun
};

/// What the ranks of a pool are started with.
struct WorkerOptions {
  /// Their working directory; empty: that of the master. It must exist on their hosts.
  std::string working_directory{};
  /// Added to their environment. A value has no line break.
  std::map<std::string, std::string> environment{};
  /// Further pairs for the MPI_Info of MPI_Comm_spawn; they go before the farm's own (bind_to, map_by).
  std::vector<std::pair<std::string, std::string>> mpi_info{};
  /// Hosts on which they are started, of those that there are; empty: all of them.
  std::vector<std::string> hosts{};
  /// What a task prints goes to a file task-N.rank-R.txt in this directory; empty: to the master's terminal, by whole
  /// lines.
  std::string output_directory{};
  /// Others than the automatic one are refused where they cannot be had, but launched groups always can.
  Source source = Source::automatic;
  /// Of launched groups: mpiexec, srun, flux, or a command such as "mpiexec -n {ranks} --host {hosts} {program}", whose
  /// fields spawn/README.md lists. Empty: FARM_LAUNCHER, else srun inside a Slurm allocation, else mpiexec.
  std::string launcher{};
};

}  // namespace farm
