// main() of tests that all ranks of MPI_COMM_WORLD run together, without the farm's Runtime.
#include <mpi.h>

#include "tests/support/run_together.hpp"

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  int const failed = run_together(argc, argv);
  MPI_Finalize();
  return failed;
}
