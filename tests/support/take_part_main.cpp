// main() of tests that all ranks of MPI_COMM_WORLD run together, with a Runtime: one rank's failure is everybody's.
#include <farm/runtime.hpp>

#include <mpi.h>

#include <iostream>
#include <sstream>

#include "tests/support/run_test_cases.hpp"

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv, farm::Ranks::take_part};
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);

  std::ostringstream report;  // printed as a whole, since the ranks share a terminal; a success by rank 0 only
  auto* const terminal = std::cout.rdbuf(report.rdbuf());
  int failed = run_test_cases(argc, argv) == 0 ? 0 : 1;
  std::cout.rdbuf(terminal);
  if (rank == 0 || failed != 0) std::cout << "rank " << rank << ":\n" << report.str() << std::flush;

  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return failed;
}
