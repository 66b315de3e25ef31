/* The peer of noop.cpp for groups of 2: the same bytes from a master to two ranks and back by MPI_Bcast and MPI_Gather.
 */
#include <mpi.h>
#include <stdio.h>

enum { warm_up = 1000, tasks = 20000, down_size = 64, up_size = 16 };

static void run(int count) {
  char down[down_size] = {0};
  char up[up_size] = {0};
  char all[3 * up_size];
  for (int i = 0; i < count; ++i) {
    MPI_Bcast(down, down_size, MPI_BYTE, 0, MPI_COMM_WORLD);
    MPI_Gather(up, up_size, MPI_BYTE, all, up_size, MPI_BYTE, 0, MPI_COMM_WORLD);
  }
}

int main(int argc, char** argv) {
  int rank;
  int size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size != 3) MPI_Abort(MPI_COMM_WORLD, 2);
  run(warm_up);
  double const start = MPI_Wtime();
  run(tasks);
  if (rank == 0) printf("collectives_us %.3f\n", (MPI_Wtime() - start) * 1e6 / tasks);
  MPI_Finalize();
  return 0;
}
