#pragma once

#include <mpi.h>

#include <iostream>
#include <sstream>

#include "tests/support/run_test_cases.hpp"

/// Runs the test cases on every rank, and returns 1 on every rank if they fail on one. Collective over MPI_COMM_WORLD.
inline int run_together(int argc, char** argv) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::ostringstream report;  // printed at once, since the ranks share a terminal; success is printed by rank 0 only
  auto* const terminal = std::cout.rdbuf(report.rdbuf());
  int failed = run_test_cases(argc, argv) == 0 ? 0 : 1;
  std::cout.rdbuf(terminal);
  if (rank == 0 || failed != 0) std::cout << "rank " << rank << ":\n" << report.str() << std::flush;
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return failed;
}
