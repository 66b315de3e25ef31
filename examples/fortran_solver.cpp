// $ mpiexec -n 1 -host localhost:5 fortran_solver
//
// A solver in Fortran, solvers/solve.f90: subroutine solve(n, comm, maximum). Fortran takes arguments by reference, and
// knows a communicator by a number, which MPI_Comm_c2f gives.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

extern "C" void solve_(int const* n, MPI_Fint const* comm, double* maximum);  // NOLINT(*-identifier-naming)

double solve(int n, farm::Comm const& comm) {
  MPI_Fint const fortran_comm = MPI_Comm_c2f(comm);
  double maximum = 0;
  solve_(&n, &fortran_comm, &maximum);
  return maximum;
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  auto const maxima = pool.map(solve, std::vector{4, 8, 16, 32});
  fmt::print("{:.4f}\n", fmt::join(maxima, "\n"));
}
