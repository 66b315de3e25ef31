#pragma once

namespace farm::detail {

/// Ends the master at once: after a second signal, or an error that has left main. Removes the stage, writes what stdio
/// holds, takes leave of the launcher where it would report another status, and skips all exit functions, which would
/// wait for MPI. May be called by any thread.
[[noreturn]] void leave_program(int status);

}  // namespace farm::detail
