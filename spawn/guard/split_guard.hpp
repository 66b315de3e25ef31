#pragma once

#include "spawn/guard/guard_link.hpp"

namespace farm::detail {

/// Forks the rank from this process, which becomes the guard. Returns in the rank only; the guard never returns. Call
/// it before this process calls MPI. If the process has several threads already, or if `anew` is set, the rank executes
/// the program anew with the same arguments and the present environment, and returns from its own call. Returns the
/// guard's link if there is a guard already. With FARM_GUARD=0, there is no guard, and this process itself is the rank.
/// Throws std::system_error if the system lacks processes, memory or descriptors.
[[nodiscard]] GuardLink split_off_guard(bool anew = false);

}  // namespace farm::detail
