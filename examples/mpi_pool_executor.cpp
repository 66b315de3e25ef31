// $ mpiexec -n 1 -host localhost:4 mpi_pool_executor
//
// The executor of mpi4py.futures: submit, map, starmap, bootup, shutdown.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>

double power(double x, int y) { return std::pow(x, y); }
void sleep_for(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  {
    farm::MPIPoolExecutor executor{{.max_workers = 1}};
    fmt::print("{}\n", executor.submit(power, 3.0, 4).result());
  }
  farm::MPIPoolExecutor executor{{.max_workers = 3}};
  executor.bootup();

  std::vector<double> const twos(32, 2.0);
  std::vector<int> exponents(32);
  std::iota(exponents.begin(), exponents.end(), 0);
  for (double const result : executor.map(power, twos, exponents)) fmt::print("{} ", result);
  fmt::print("\n");

  std::vector<std::tuple<double, int>> pairs;
  for (int const n : exponents) pairs.emplace_back(2.0, n);
  for (double const result : executor.starmap(power, pairs)) fmt::print("{} ", result);
  fmt::print("\n");

  auto const future = executor.submit(sleep_for, std::chrono::milliseconds{200});
  executor.shutdown();
  fmt::print("done: {}\n", future.done());
}
