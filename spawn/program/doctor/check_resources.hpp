#pragma once

#include "spawn/program/doctor/finding.hpp"

namespace farm::detail {

/// Returns what each host has for ranks, and the named resources of the run: one finding for each host, and one for the
/// run if it has any. Needs the Runtime.
[[nodiscard]] Findings check_resources();

}  // namespace farm::detail
