#pragma once

/// How a launcher (mpiexec, srun) has started this process.
namespace farm::detail {

/// The place of this process in its job, as the launcher's environment variables say.
struct LaunchedAs {
  bool singleton = true;    ///< no launcher has started this process: MPI_Init makes it a job of one rank
  bool by_mpiexec = false;  ///< mpiexec of Open MPI or of MPICH has started it
  bool by_hydra = false;    ///< mpiexec of MPICH has started it
  int pmi_connection = -1;  ///< by Hydra: the descriptor of the connection to it; otherwise -1
  int rank = 0;
  int size = 0;        ///< 0: unknown
  int local_size = 0;  ///< ranks on this host; 0: unknown
  int hosts = 0;       ///< hosts of the job, or 2 if there are several; 0: unknown
};

/// Reads the variables as they are now. Launchers of all MPIs set PMIX_RANK or PMI_RANK. OMPI_COMM_WORLD_... alone, or
/// MPI_LOCALNRANKS, does not count: a program that a task starts has them from its rank (remove_launcher_variables()).
[[nodiscard]] LaunchedAs read_launched_as();

/// Returns what the variables said at the first call. The Runtime makes that call before it initializes MPI: MPI_Init
/// sets some of the variables, and ranks remove them. Thread-safe afterwards.
[[nodiscard]] LaunchedAs const& launched_as();

/// Returns true if no launcher has started this process. MPI_Init then makes it a job of one rank.
[[nodiscard]] bool is_singleton();

}  // namespace farm::detail
