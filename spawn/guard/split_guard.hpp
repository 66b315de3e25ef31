#pragma once

#include "spawn/guard/guard_link.hpp"

#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// Forks the rank from this process, which becomes the guard. Returns in the rank only; the guard never returns. Call
/// it before this process calls MPI. If the process has several threads already, or if `anew` is set, the rank executes
/// the program anew with the present environment and with `anew`, the program's name and arguments, or with the same
/// ones as this process; it returns from its own call. Returns the guard's link if there is a guard already. With
/// FARM_GUARD=0, there is no guard, and this process itself is the rank. Throws std::system_error if the system lacks
/// processes, memory or descriptors.
[[nodiscard]] GuardLink split_off_guard(std::optional<std::vector<std::string>> anew = {});

}  // namespace farm::detail
