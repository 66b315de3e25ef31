#pragma once

#include "spawn/program/doctor/finding.hpp"

#include <string>

namespace farm::detail {

/// Returns one FAIL for each setting whose value cannot be read. Does not throw. No other check works then.
[[nodiscard]] Findings check_setting_values();

/// Checks what needs no Runtime: user, launcher, fabric, guards, PMIx, HDF5, stage directory, descriptors, settings.
/// Call it before the Runtime is made, which changes the environment, and only if check_setting_values() finds nothing.
/// Does not throw.
[[nodiscard]] Findings check_system();

/// Returns the option or variable that names the stage directory, or both if none is set, for advice.
[[nodiscard]] std::string stage_option();

}  // namespace farm::detail
