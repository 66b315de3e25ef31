// $ mpiexec -n 2 --oversubscribe mpi_pool
//
// The pool of mpipool: a blocking map(), and map_async(), whose result is fetched later.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

#include <cmath>
#include <numeric>

double menial_task(double x) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return std::pow(x, rank);
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv, farm::Ranks::take_part};
  farm::with<farm::MPIPool>([](farm::MPIPool& pool) {
    pool.workers_exit();
    std::vector<double> inputs(10);
    std::iota(inputs.begin(), inputs.end(), 0);

    fmt::print("{}\n", pool.map(menial_task, inputs));

    auto const later = pool.map_async(menial_task, inputs);
    later.wait();
    fmt::print("ready: {}\n", later.ready());
    fmt::print("{}\n", later.get());
  });
}
