// $ mpiexec -n 1 -host localhost:5 array_chain
// $ mpiexec -n 5 --oversubscribe array_chain
//
// Tasks pass arrays on to each other through files. The master holds handles only; it never reads the elements.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

constexpr std::uint64_t n = 1'000'000;

farm::Slab<double> make(farm::Comm const& comm) {
  farm::Slab<double> slab{comm, {n}};
  for (std::size_t i = 0; i < slab.size(); ++i) slab[i] = static_cast<double>(slab.first_row() + i);
  return slab;
}

farm::Slab<double> add(double amount, farm::Slab<double const> const& in, farm::Comm const& comm) {
  farm::Slab<double> out{comm, in.extents()};
  std::transform(in.begin(), in.end(), out.begin(), [=](double x) { return x + amount; });
  return out;
}

double mean(farm::Slab<double const> const& in, farm::Comm const& comm) {
  double sum = std::accumulate(in.begin(), in.end(), 0.0);
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, comm);
  return sum / static_cast<double>(n);
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  farm::Future<farm::Array<double>> next = pool.submit(make);
  for (int i = 1; i <= 10; ++i) next = pool.submit(add, i, next);  // does not wait for `next`
  fmt::print("mean {}\n", pool.submit(mean, next).result());
}
