// $ mpiexec -n 1 -host localhost:5 c_solver
//
// A solver in C, solvers/csolve.c, that works on a communicator. It is a task as it stands: the farm supplies the
// MPI_Comm of the group's ranks, and the result is what rank 0 returns.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

#include "solvers/csolve.h"

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  auto const results = pool.map(csolve, std::vector{1, 10, 100, 1000});
  fmt::print("{:.6f}\n", fmt::join(results, "\n"));
}
