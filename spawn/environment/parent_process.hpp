#pragma once

#include <sys/types.h>

namespace farm::detail {

/// Returns the parent of a process; 0 if there is no such process.
[[nodiscard]] pid_t parent_of(pid_t process);

/// Returns true if a child of the process runs. Reads /proc: some milliseconds if there are thousands of processes.
[[nodiscard]] bool has_living_child(pid_t process);

}  // namespace farm::detail
