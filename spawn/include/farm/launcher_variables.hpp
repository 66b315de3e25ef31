#pragma once

#include <string>
#include <vector>

/// The environment variables by which a launcher (mpiexec, srun) tells the processes that it starts who they are. They
/// hold for the process that the launcher has started. A launcher that this process starts must not see them: mpiexec
/// refuses to run, and an MPI program would take itself for this process.
namespace farm {

/// Returns the environment, as lines NAME=value, for launchers and other MPI programs that this process starts by
/// execve() or posix_spawn(): its own, without the variables of its launcher. Call it in any process. The environment
/// of this process stays as it is; no other thread may change the environment meanwhile.
[[nodiscard]] std::vector<std::string> launcher_environment();

/// Removes the variables of its launcher from the environment of this process, so that std::system("mpiexec ...")
/// works. OMPI_COMM_WORLD_... and MPI_LOCALRANKID stay: programs choose their GPU by OMPI_COMM_WORLD_LOCAL_RANK or
/// MPI_LOCALRANKID. MPI does not need the variables any more once it is initialized, so call it after MPI_Init. No
/// other thread may use the environment meanwhile.
///
/// In ranks, the farm calls it before the first task. In the master, or if Ranks::take_part, call it yourself after the
/// Runtime is made, if the program starts launchers.
void remove_launcher_variables();

}  // namespace farm
