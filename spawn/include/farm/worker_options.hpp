#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace farm {

/// Says where the groups of a pool come from.
enum class Source : std::uint8_t {
  automatic,     ///< the Runtime's choice: FARM_SOURCE, else what fits how the program was started
  spawned,       ///< MPI_Comm_spawn starts each group
  static_ranks,  ///< groups are formed from the ranks that the program was started with, as by `mpiexec -n 17`
  launched,      ///< a launcher, such as mpiexec or srun, starts each group
};

/// Options for the ranks of a pool.
struct WorkerOptions {
  /// Working directory of the ranks; empty: the master's. It must exist on their hosts.
  std::string working_directory{};
  /// Variables that are added to the environment of the ranks. Values must not contain line breaks.
  std::map<std::string, std::string> environment{};
  /// Keys and values for the MPI_Info of MPI_Comm_spawn. They take precedence over the farm's own (bind_to, map_by).
  /// Spawned groups only.
  std::vector<std::pair<std::string, std::string>> mpi_info{};
  /// Hosts on which ranks may run, from those that are available; empty: all of them.
  std::vector<std::string> hosts{};
  /// Directory for the output of tasks: what task N prints on rank R goes to the file task-N.rank-R.txt. Empty: the
  /// master prints the output, by whole lines. Attempt A of a task, from 2, has a file task-N.attempt-A.rank-R.txt, and
  /// the initializer has initializer.group-G.rank-R.txt. If several pools of a run have the same directory, the names
  /// of the second begin with "pool-2.", and so on. A later run replaces the files of an earlier one. If a run that
  /// has not ended uses the directory, the names of this run's files begin with "run-HOST-PROCESS.".
  std::string output_directory{};
  /// Where the groups come from. A pool with a source that this run does not have throws; launched groups are always
  /// possible.
  Source source = Source::automatic;
  /// Launcher of launched groups: mpiexec, srun, flux, or a command such as "mpiexec -n {ranks} --host {hosts}
  /// {program}". spawn/README.md lists the fields. Empty: FARM_LAUNCHER, else srun inside a Slurm allocation, else
  /// mpiexec.
  std::string launcher{};
  /// Threads of each rank of a task that does not say how many: so many cores are the rank's own. 0: one core, which it
  /// shares if there are more such ranks than cores. See TaskOptions.
  int threads = 0;
  /// GPUs of each rank of a task that does not say how many.
  int gpus = 0;
  /// Memory of each rank of a task that does not say how much, in bytes: 2_GiB. 0: not counted.
  std::int64_t memory = 0;
  /// Named resources of each task, besides those that it names itself: {{"licence", 1}}.
  std::map<std::string, std::int64_t> resources{};
  /// Whether each rank is bound to its cores, and OMP_NUM_THREADS tells their number. The farm never gives a rank more
  /// cores than its launcher has left it. FARM_BIND=0 turns binding off for all pools.
  bool bind = true;
};

}  // namespace farm
