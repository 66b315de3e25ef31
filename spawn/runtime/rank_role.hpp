#pragma once

/// The processes that serve tasks in the constructor of their Runtime. None of these functions returns: the process
/// ends with status 0 when the master says so, and with 1, after a line on stderr, if it cannot serve.
namespace farm::detail {

/// A rank of a group that MPI_Comm_spawn has started, before MPI_Init.
[[noreturn]] void become_spawned_rank(int argc, char** argv);

/// A rank of a group that a launcher has started, before MPI_Init.
[[noreturn]] void become_launched_rank(int argc, char** argv);

/// A rank of a job that was started with several. `guarded` requires that MPI is not initialized yet: the guard is
/// split off before.
[[noreturn]] void become_static_rank(int argc, char** argv, bool guarded);

}  // namespace farm::detail
