// $ mpiexec -n 1 -host localhost:5 view
//
// Every rank reads all elements of one large array. The master writes the array to a file once; a farm::View maps that
// file, so all ranks of a host share one copy in memory, and no element is sent.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

#include <numeric>

constexpr std::size_t n = 1'000'000;

/// Each rank sums its part of all pairs of elements that are `lag` apart: it needs elements of other ranks' parts.
double correlation(std::size_t lag, farm::View<double> const& signal, farm::Comm const& comm) {
  auto const rank = static_cast<std::size_t>(comm.rank());
  auto const ranks = static_cast<std::size_t>(comm.size());
  double sum = 0;
  for (std::size_t i = rank; i + lag < signal.size(); i += ranks) sum += signal[i] * signal[i + lag];
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, comm);
  return sum;
}

bool is_mapped(farm::View<double> const& signal) { return signal.mapped(); }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = i % 4 < 2 ? 1 : -1;  // a square wave with a period of 4
  auto const signal = farm::stage(values, {n});                        // a handle: cheap to copy and to send

  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  std::vector<std::size_t> const lags{0, 1, 2, 3, 4};
  fmt::print("{}\n", pool.map(correlation, lags, std::vector(lags.size(), signal)));
  fmt::print("mapped: {}\n", pool.submit(is_mapped, signal).result());
}
