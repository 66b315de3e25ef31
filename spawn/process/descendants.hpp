#pragma once

#include <sys/types.h>
#include <vector>

/// The processes that a program leaves behind. The process that starts programs is their subreaper: what has lost its
/// parent becomes a child of this process.
namespace farm::detail {

/// Returns the children of this process, ended ones included. The process has one thread.
[[nodiscard]] std::vector<pid_t> children();

/// Returns the children of a process, whichever of its threads has made them, ended ones included. Empty if the process
/// has ended. Takes some milliseconds if there are thousands of processes and the kernel does not list children.
[[nodiscard]] std::vector<pid_t> children_of(pid_t process);

/// Returns true if a child of the process has not ended.
[[nodiscard]] bool has_living_child(pid_t process);

/// Kills all children of this process, and theirs, and collects them. Costs one system call if there are none. Waits
/// for at most 5 s: a process that waits for a dead disk cannot be killed. Returns how many are left.
std::size_t end_children();

}  // namespace farm::detail
