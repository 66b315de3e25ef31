#pragma once

#include "spawn/program/doctor/finding.hpp"

namespace farm::detail {

/// Checks whether the ranks of a pool without options outnumber the cores. Needs the Runtime. Throws UsageError if
/// FARM_MAX_WORKERS is not a number.
[[nodiscard]] Finding check_cores();

/// Checks whether the OpenMP threads of these ranks outnumber the cores. Needs the Runtime. Throws as check_cores().
[[nodiscard]] Finding check_threads();

/// Returns the number of hosts on which groups run; 1 if it is unknown. Needs the Runtime.
[[nodiscard]] int host_count();

}  // namespace farm::detail
