#pragma once

namespace farm {

/// What becomes of the ranks of a job that was started with several, as by `mpiexec -n 17 ./program`.
enum class Ranks {
  serve,      ///< rank 0 is the master, whose pools run their tasks on the others instead of spawning
  launch,     ///< there are none: launchers start the groups of its pools, as with FARM_SOURCE=launched
  take_part,  ///< all return from the Runtime, and may make an MPICommExecutor, MPIExecutor or MPIPool together
};

}  // namespace farm
