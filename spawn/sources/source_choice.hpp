#pragma once

#include <farm/ranks.hpp>
#include <farm/worker_options.hpp>

namespace farm::detail {

/// "spawned", "static", "launched", "automatic": as in FARM_SOURCE.
[[nodiscard]] char const* name_of(Source source);

/// Where the groups of this run's pools come from, before MPI_Init: FARM_SOURCE, else launched inside a Slurm
/// allocation where this is one process that mpiexec has not started, else static where the job has several processes,
/// else spawned. Throws UsageError where that cannot be.
[[nodiscard]] Source choose_source(Ranks ranks);

}  // namespace farm::detail
