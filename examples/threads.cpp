// $ mpiexec -n 1 -host localhost:5 threads
//
// Ranks with threads: the pool gives its ranks OMP_NUM_THREADS, as OpenMP and threaded libraries read it, and leaves
// them unbound, since they may have more threads than there are cores. A task may start threads, which must have ended
// when the task returns.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <thread>

/// Adds up every `step`-th of the n midpoints, beginning with `first`.
double part(int n, int first, int step) {
  double sum = 0;
  for (int i = first; i < n; i += step) sum += 4 / (1 + (i + 0.5) / n * (i + 0.5) / n) / n;
  return sum;
}

auto integrate(int n, farm::Comm const& comm) {
  char const* const variable = std::getenv("OMP_NUM_THREADS");
  int const threads = variable == nullptr ? 1 : std::stoi(variable);
  std::vector<double> sums(static_cast<std::size_t>(threads));
  {
    std::vector<std::jthread> running;
    for (int i = 0; i < threads; ++i) {
      running.emplace_back(
          [&, i] { sums[static_cast<std::size_t>(i)] = part(n, comm.rank() * threads + i, comm.size() * threads); });
    }
  }  // the threads have ended here
  double sum = 0;
  for (double const one : sums) sum += one;
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, comm);
  return std::tuple{comm.size(), threads, sum};
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{
      {.max_ranks = 4, .ranks_per_task = 2, .workers = {.environment = {{"OMP_NUM_THREADS", "3"}}, .bind = false}}};
  for (auto const& [ranks, threads, sum] : pool.map(integrate, std::vector{100, 10'000}))
    fmt::print("{} ranks of {} threads: {:.6f}\n", ranks, threads, sum);
}
