#pragma once

#include <sys/types.h>

namespace farm::detail {

/// Returns the parent of a process; 0 if there is no such process.
[[nodiscard]] pid_t parent_of(pid_t process);

/// Returns true if there is no such process, or if it has ended and its parent has not collected it yet.
[[nodiscard]] bool has_ended(pid_t process);

}  // namespace farm::detail
