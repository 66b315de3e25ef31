/* Integrates 4 / (1 + x^2) from 0 to 1 with n points, which the ranks of the communicator share. All get the result. */
#include "csolve.h"

double csolve(int n, MPI_Comm comm) {
  int rank;
  int size;
  double sum = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  for (int i = rank; i < n; i += size) {
    double const x = (i + 0.5) / n;
    sum += 4 / (1 + x * x) / n;
  }
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, comm);
  return sum;
}
