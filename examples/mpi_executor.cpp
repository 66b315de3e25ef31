// $ mpiexec -n 2 --oversubscribe mpi_executor
//
// The executor of mpipool, in both of its idioms: is_main() in an if, and workers_exit() in a function.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

#include <cmath>
#include <numeric>
#include <string>

std::size_t length(std::vector<int> const& list) { return list.size(); }

double menial_task(double x) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return std::pow(x, rank);
}

/// Every process calls this; rank 0 prints.
void continue_together() {
  MPI_Barrier(MPI_COMM_WORLD);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) fmt::print("All processes continue code execution\n");
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv, farm::Ranks::take_part};
  {
    farm::MPIExecutor pool;
    if (pool.is_main()) fmt::print("{}\n", pool.map(length, std::vector<std::vector<int>>{{}, {}}));
  }
  continue_together();

  farm::with<farm::MPIExecutor>([](farm::MPIExecutor& pool) {
    pool.workers_exit();
    std::vector<double> inputs(10);
    std::iota(inputs.begin(), inputs.end(), 0);

    std::vector<farm::Future<double>> futures;
    futures.reserve(inputs.size());
    for (double const x : inputs) futures.push_back(pool.submit(menial_task, x));
    fmt::print("{}\n", farm::collect(futures).result());

    auto const batch = pool.submit_batch(menial_task, inputs);
    fmt::print("{}\n", batch.result());
    fmt::print("{}\n", pool.map(menial_task, inputs));
  });
  continue_together();
}
