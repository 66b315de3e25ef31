#pragma once

#include "spawn/program/doctor/finding.hpp"

namespace farm::detail {

/// Starts a group of two ranks, or of one rank if there is only one slot, and checks what the ranks see, and to which
/// cores they are bound. Without `has_stage`, the ranks are not asked about the stage directory. Needs the Runtime.
/// Does not throw.
[[nodiscard]] Findings check_spawn(bool has_stage);

}  // namespace farm::detail
