// $ mpiexec -n 1 -host localhost:9 field_sweep
//
// Each task reads a field from a file and evolves it on 4 ranks with a parameter of its own. The farm gathers all
// results in one dataset without passing them through the master, and saves the parameters and a number of each field
// beside it. One result is compared with a serial computation.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>

constexpr std::uint64_t n = 256;
constexpr int steps = 100;

/// Advances rows of the unit square by one step of the heat equation. The first and the last row stay as they are.
void step(std::vector<double>& u, double r) {
  auto const before = u;
  for (std::size_t i = 1; i + 1 < u.size() / n; ++i) {
    for (std::size_t j = 1; j + 1 < n; ++j) {
      auto const k = i * n + j;
      u[k] += r * (before[k - n] + before[k + n] + before[k - 1] + before[k + 1] - 4 * before[k]);
    }
  }
}

/// Works on this rank's rows and one halo row at each side that has a neighbour. Halo rows are exchanged after each
/// step.
farm::Slab<double> evolve(double diffusivity, farm::Slab<double const> const& start, farm::Comm const& comm) {
  auto const with_halo = start.with_halo(1);
  std::vector<double> u(with_halo.begin(), with_halo.end());
  auto const above = with_halo.halo_before() != 0 ? comm.rank() - 1 : MPI_PROC_NULL;
  auto const below = with_halo.halo_after() != 0 ? comm.rank() + 1 : MPI_PROC_NULL;
  auto* const first = u.data() + with_halo.halo_before() * n;
  auto* const end = u.data() + u.size() - with_halo.halo_after() * n;
  for (int i = 0; i < steps; ++i) {
    step(u, diffusivity);
    MPI_Sendrecv(first, n, MPI_DOUBLE, above, 0, end, n, MPI_DOUBLE, below, 0, comm, MPI_STATUS_IGNORE);
    MPI_Sendrecv(end - n, n, MPI_DOUBLE, below, 1, u.data(), n, MPI_DOUBLE, above, 1, comm, MPI_STATUS_IGNORE);
  }
  farm::Slab<double> result{comm, start.extents()};
  std::copy(first, end, result.begin());
  return result;
}

/// Returns the largest element of a field.
double maximum(farm::Slab<double const> const& u, farm::Comm const& comm) {
  double largest = *std::max_element(u.begin(), u.end());
  MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, comm);
  return largest;
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  std::vector<double> start(n * n);
  std::vector<double> position(n);
  for (std::size_t i = 0; i < n; ++i) position[i] = static_cast<double>(i) / (n - 1);
  auto const mode = [&](std::size_t i) { return std::sin(std::numbers::pi * position[i]); };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) start[i * n + j] = mode(i) * mode(j);
  }
  std::filesystem::remove("field.h5");
  std::filesystem::remove("result.h5");
  farm::stage(start, {n, n}).save_as("field.h5", "/temperature");

  auto const field = farm::Array<double>::open("field.h5", "/temperature");
  std::vector<double> diffusivities;
  for (int i = 1; i <= 20; ++i) diffusivities.push_back(0.01 * i);

  farm::MPISpawnPool pool{{.max_ranks = 8, .ranks_per_task = 4}};
  auto const fields = pool.map(evolve, diffusivities, std::vector(diffusivities.size(), field));
  auto const maxima = pool.map(maximum, fields);
  auto const all = farm::gather(fields, "result.h5", "/u",
                                {.attributes = {{"units", "K"}, {"steps", steps}},
                                 .axes = {{"diffusivity", diffusivities}, {"y", position}, {"x", position}},
                                 .table = {{"diffusivity", diffusivities}, {"maximum", maxima}}});
  fmt::print("{} fields of {} x {}\n", all.extents()[0], all.extents()[1], all.extents()[2]);
  fmt::print("diffusivity {:.2f}: maximum {:.4f}\n", diffusivities[6], maxima[6]);

  auto serial = start;
  for (int i = 0; i < steps; ++i) step(serial, diffusivities[6]);
  fmt::print("as the serial result: {}\n", all.read({6, 0, 0}, {1, n, n}) == serial);
}
