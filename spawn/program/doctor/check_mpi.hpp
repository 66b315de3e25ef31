#pragma once

#include "spawn/program/doctor/finding.hpp"

namespace farm::detail {

/// Checks MPI, slots, the source of groups and cores. Needs the Runtime.
[[nodiscard]] Findings check_mpi();

/// Returns the number of hosts that the launcher of this program has; 1 if the launcher does not tell.
[[nodiscard]] int host_count();

}  // namespace farm::detail
