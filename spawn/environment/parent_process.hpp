#pragma once

#include <sys/types.h>

namespace farm::detail {

/// Returns the parent of a process; 0 if there is no such process.
[[nodiscard]] pid_t parent_of(pid_t process);

}  // namespace farm::detail
