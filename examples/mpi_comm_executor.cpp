// $ mpiexec -n 4 --oversubscribe mpi_comm_executor
//
// mpiexec starts all ranks. Rank 0 submits tasks, the others run them; when the executor ends, all ranks go on.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

#include <cstdlib>
#include <set>

int absolute(int x) { return std::abs(x); }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv, farm::Ranks::take_part};
  {
    farm::MPICommExecutor executor{MPI_COMM_WORLD, 0};
    if (executor) {
      fmt::print("{}\n", executor->submit(absolute, -42).result());
      std::set<int> answer;
      for (int const value : executor->map(absolute, std::vector{-42, 42})) answer.insert(value);
      fmt::print("{}\n", answer);
    }
  }
  MPI_Barrier(MPI_COMM_WORLD);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Reduce(&rank, &ranks, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
  if (rank == 0) fmt::print("all ranks go on; the sum of their numbers is {}\n", ranks);
}
