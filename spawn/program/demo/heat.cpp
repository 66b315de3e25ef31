#include "spawn/program/demo/share.hpp"
#include "spawn/program/demo/tasks.hpp"

#include <farm/mpi_error.hpp>
#include <farm/task_registry.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace farm::demo {
namespace {

using std::numbers::pi;

/// This rank's rows of the inner points. A halo row above and one below belong to the neighbours or to the border; so
/// does one column on either side.
class Rows {
 public:
  Rows(int points, Comm const& comm)
      : comm_(comm),
        points_(points),
        first_(part_begin(points, comm.rank(), comm.size())),
        count_(part_begin(points, comm.rank() + 1, comm.size()) - first_),
        stride_(static_cast<std::size_t>(points) + 2),
        now_((static_cast<std::size_t>(count_) + 2) * stride_),
        next_(now_.size()) {
    for (int row = 0; row < count_; ++row) {
      for (int column = 0; column < points; ++column) at(now_, row, column) = mode(row, column);
    }
  }

  /// Advances all rows by one time step dt. `r` is alpha dt / h^2.
  void step(double r) {
    exchange();
    for (int row = 0; row < count_; ++row) {
      double const* const here = &at(now_, row, 0);
      double const* const above = here - stride_;
      double const* const below = here + stride_;
      double* const to = &at(next_, row, 0);
      for (int j = 0; j < points_; ++j)
        to[j] = here[j] + r * (above[j] + below[j] + here[j - 1] + here[j + 1] - 4 * here[j]);
    }
    now_.swap(next_);
  }

  /// Returns the amplitude of the mode, over all ranks. Collective.
  [[nodiscard]] double amplitude() {
    double sums[2] = {0, 0};
    for (int row = 0; row < count_; ++row) {
      for (int column = 0; column < points_; ++column) {
        double const m = mode(row, column);
        sums[0] += m * at(now_, row, column);
        sums[1] += m * m;
      }
    }
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, comm_), "MPI_Allreduce");
    return sums[0] / sums[1];
  }

 private:
  double& at(std::vector<double>& grid, int row, int column) const {
    return grid[static_cast<std::size_t>(row + 1) * stride_ + static_cast<std::size_t>(column + 1)];
  }

  [[nodiscard]] double mode(int row, int column) const {
    double const h = 1.0 / (points_ + 1);
    return std::sin(pi * (first_ + row + 1) * h) * std::sin(pi * (column + 1) * h);
  }

  void exchange() {
    int const above = comm_.rank() > 0 ? comm_.rank() - 1 : MPI_PROC_NULL;
    int const below = comm_.rank() + 1 < comm_.size() ? comm_.rank() + 1 : MPI_PROC_NULL;
    check_mpi(MPI_Sendrecv(&at(now_, 0, 0), points_, MPI_DOUBLE, above, 0, &at(now_, count_, 0), points_, MPI_DOUBLE,
                           below, 0, comm_, MPI_STATUS_IGNORE),
              "MPI_Sendrecv");
    check_mpi(MPI_Sendrecv(&at(now_, count_ - 1, 0), points_, MPI_DOUBLE, below, 1, &at(now_, -1, 0), points_,
                           MPI_DOUBLE, above, 1, comm_, MPI_STATUS_IGNORE),
              "MPI_Sendrecv");
  }

  Comm const& comm_;
  int points_;
  int first_;
  int count_;
  std::size_t stride_;
  std::vector<double> now_;
  std::vector<double> next_;
};

}  // namespace

std::tuple<double, double, double> heat(double alpha, int points, Comm const& comm) {
  if (!(alpha > 0)) throw std::invalid_argument(fmt::format("a diffusivity of {} is not above 0", alpha));
  if (points < comm.size())
    throw std::invalid_argument(
        fmt::format("{} rows are too few for {} ranks: each rank needs a row", points, comm.size()));
  double const h = 1.0 / (points + 1);
  constexpr double largest_r = 0.2;  // the scheme is stable up to 0.25
  double const steps = std::ceil(alpha * heat_end_time / (largest_r * h * h));
  double const r = alpha * heat_end_time / (steps * h * h);
  Rows rows{points, comm};
  // NOLINTNEXTLINE(clang-analyzer-security.FloatLoopCounter): a whole number that may exceed any integer type
  for (double step = 0; step < steps; ++step) rows.step(r);
  double const computed = rows.amplitude();
  double const exact = std::exp(-2 * pi * pi * alpha * heat_end_time);
  return {computed, exact, (computed - exact) / exact};
}
FARM_TASK(heat, "alpha", "n")

}  // namespace farm::demo
