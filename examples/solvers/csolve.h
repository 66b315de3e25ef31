#pragma once

#include <mpi.h>

#ifdef __cplusplus
extern "C" {
#endif

double csolve(int n, MPI_Comm comm);

#ifdef __cplusplus
}
#endif
