#pragma once

#include <farm/ranks.hpp>
#include <farm/worker_options.hpp>

namespace farm::detail {

/// Returns "spawned", "static", "launched" or "automatic", as FARM_SOURCE has them.
[[nodiscard]] char const* name_of(Source source);

/// Returns where the groups of this run come from. Call it before MPI_Init. `ranks` and FARM_SOURCE decide; without
/// them groups are launched inside a Slurm allocation, if this is one process that mpiexec has not started, static if
/// the job has several processes, and spawned otherwise. Throws UsageError if the choice does not fit how the program
/// was started, or if the program has two MPIs.
[[nodiscard]] Source choose_source(Ranks ranks);

}  // namespace farm::detail
