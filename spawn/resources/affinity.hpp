#pragma once

#include "spawn/resources/topology.hpp"

#include <sys/types.h>

namespace farm::detail {

/// Returns the processors that the process, or thread, may use; 0 is the calling thread. Empty if there is no such
/// process, or if others may not ask.
[[nodiscard]] Processors affinity_of(pid_t process);

/// Binds all threads of this process to these processors, and those that they start. Returns false, and changes
/// nothing, if `processors` is empty or none of them may be used.
bool bind_process(Processors const& processors);

/// Returns the processors that ranks on this host may use: those of this process or, if mpiexec has started it, those
/// of mpiexec, which binds its processes. Empty if not even the kernel knows.
[[nodiscard]] Processors processors_of_ranks();

}  // namespace farm::detail
