#pragma once

namespace farm::detail {

/// Returns the width of the terminal that shows our standard error; 0 if it goes elsewhere. mpiexec gives a
/// program a pipe or a terminal, whatever mpiexec's own standard error is. So under mpiexec this asks for that of
/// mpiexec, which is our parent process or, with MPICH, the parent of our parent.
[[nodiscard]] int terminal_columns();

}  // namespace farm::detail
