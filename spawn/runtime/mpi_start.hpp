#pragma once

namespace farm::detail {

[[nodiscard]] bool mpi_is_initialized();

/// Initializes MPI with MPI_THREAD_MULTIPLE. Throws MpiError.
void initialize_mpi(int argc, char** argv);

/// Throws SpawnError if MPI was initialized with less than MPI_THREAD_MULTIPLE.
void check_thread_level();

}  // namespace farm::detail
