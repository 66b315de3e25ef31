#pragma once

#include "spawn/program/doctor/finding.hpp"

namespace farm::detail {

/// Checks what needs no Runtime: user, launcher, fabric, guards, PMIx, HDF5, stage directory, descriptors, settings.
/// Call it before the Runtime is made, which changes the environment. Does not throw.
[[nodiscard]] Findings check_system();

}  // namespace farm::detail
