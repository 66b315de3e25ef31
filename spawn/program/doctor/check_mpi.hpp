#pragma once

#include "spawn/program/doctor/finding.hpp"

namespace farm::detail {

/// Checks MPI, slots, the source of groups, the settings that do not fit the source, cores and threads. Needs the
/// Runtime.
[[nodiscard]] Findings check_mpi();

}  // namespace farm::detail
