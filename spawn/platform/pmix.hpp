#pragma once

#include <string>
#include <utility>
#include <vector>

/// The PMIx library, through which a process talks to its launcher. It is loaded at run time.
namespace farm::detail {

/// Returns false with FARM_GUARD=0.
[[nodiscard]] bool guards_wanted();

/// Returns true if guards are wanted and talk to their launcher by PMIx: not with MPICH.
[[nodiscard]] bool guards_need_pmix();

/// Returns true if the PMIx library can be loaded: libpmix.so.2, or the file that FARM_PMIX_LIBRARY
/// names. Otherwise, sets `why` to the loader's error.
[[nodiscard]] bool pmix_available(std::string& why);

/// Returns a message for users that says what to do if PMIx is missing; `why` is from pmix_available().
[[nodiscard]] std::string missing_pmix(std::string const& why);

/// A job for the launcher of this process.
struct PmixJob {
  std::string program;                   ///< the path
  std::vector<std::string> arguments;    ///< without the program's name
  std::vector<std::string> environment;  ///< lines NAME=value, besides what the launcher's daemons have
  std::string directory;                 ///< empty: that of the launcher
  int processes = 1;
  std::vector<std::pair<std::string, std::string>> info;  ///< keys and values for MPI_Info
};

/// Returns true if pmix_spawn() can start such a job: MPI has connected this process to a PMIx server, and PMIx has a
/// counterpart for each key of `info`. Call it after MPI_Init.
[[nodiscard]] bool can_pmix_spawn(std::vector<std::pair<std::string, std::string>> const& info);

/// Starts the job, as MPI_Comm_spawn does, but without a communicator to it. Blocks until the launcher has started the
/// processes: some 10 ms. Throws SpawnError.
void pmix_spawn(PmixJob const& job);

/// Takes leave of the launcher in the name of the dead rank, whose environment and descriptors this process shares: the
/// launcher then takes the rank as ended properly. Connects to the PMIx server and finalizes; under MPICH's mpiexec,
/// sends the command `finalize` over the rank's connection (PMI_FD). Blocks for 5 s at most. If a PMIx server has not
/// answered by then, this process ends. Needed by: Open MPI 4 (ORTE); MPICH (Hydra), which ends the whole job
/// otherwise.
void finalize_for_dead_rank();

/// Called by a master that cannot finalize MPI, since one of its threads never returns from an MPI function, or since
/// MPI_Finalize would wait for dead ranks. Takes leave of the launcher by PMIx, or by PMI with MPICH, and makes exit()
/// skip the exit functions of libraries, which would wait for MPI.
void leave_without_mpi();

/// Returns true once this process has done so: it must not call MPI_Finalize any more.
[[nodiscard]] bool has_left_without_mpi();

/// Called by a process that exits without MPI_Finalize, with a status that its launcher is to report. Blocks for at
/// most 5 s. Needed by: MPICH (Hydra). It takes a process that has not finalized as dead, kills the others, and then
/// reports 0, 9 or the status, as it happens. Other launchers report the first status that is not 0.
void keep_status_of_exit();

}  // namespace farm::detail
