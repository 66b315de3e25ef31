#pragma once

namespace farm::detail {

/// Returns the width of the terminal that shows our standard error; 0 if it goes elsewhere. mpiexec gives a
/// program a pipe or a terminal, whatever mpiexec's own standard error is. So under mpiexec this asks for that of our
/// parent process, which is mpiexec.
[[nodiscard]] int terminal_columns();

}  // namespace farm::detail
