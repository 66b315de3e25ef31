#pragma once

#include <farm/comm.hpp>

#include <mpi.h>

#include <type_traits>

/// MPI_Comm as a parameter of a task. With MPICH, where it is an int, a farm::Comm takes its place.
using PlainComm = std::conditional_t<std::is_same_v<MPI_Comm, int>, farm::Comm const&, MPI_Comm>;
