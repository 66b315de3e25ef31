#pragma once

namespace farm {

/// What the ranks of a job do that was started with several, as by `mpiexec -n 17 ./program`.
enum class Ranks {
  serve,      ///< rank 0 is the master, and its pools run their tasks on the other ranks instead of spawning
  launch,     ///< the program is one process; launchers start the groups of its pools, as with FARM_SOURCE=launched
  take_part,  ///< all ranks return from the Runtime, and may make an MPICommExecutor, MPIExecutor or MPIPool together
};

}  // namespace farm
