#pragma once

#include "spawn/program/doctor/finding.hpp"

namespace farm::detail {

/// Starts a group of two ranks, or of one rank if there is only one slot, and checks what the ranks see. Needs the
/// Runtime. Does not throw.
[[nodiscard]] Findings check_spawn();

}  // namespace farm::detail
