#include "spawn/program/demo/share.hpp"
#include "spawn/program/demo/tasks.hpp"

#include <farm/mpi_error.hpp>
#include <farm/task_registry.hpp>

#include <fmt/format.h>

#include <complex>
#include <stdexcept>

namespace farm::demo {
namespace {

std::uint8_t value_at(std::complex<double> z) {
  constexpr std::complex<double> c{0, 0.65};
  int n = 255;
  for (; std::abs(z) < 3 && n > 1; --n) z = z * z + c;
  return static_cast<std::uint8_t>(n);
}

}  // namespace

std::vector<std::uint8_t> julia(int first_line, int lines, int width, int height, Comm const& comm) {
  if (first_line < 0 || lines < 0 || width < 1 || first_line > height - lines) {
    throw std::invalid_argument(fmt::format("lines {} to {} are not in a picture of {} x {}", first_line,
                                            first_line + lines - 1, width, height));
  }
  constexpr double x0 = -2.0;
  constexpr double x1 = 2.0;
  constexpr double y0 = -1.5;
  constexpr double y1 = 1.5;
  double const dx = (x1 - x0) / width;
  double const dy = (y1 - y0) / height;

  int const begin = part_begin(lines, comm.rank(), comm.size());
  int const end = part_begin(lines, comm.rank() + 1, comm.size());
  std::vector<std::uint8_t> part;
  part.reserve(static_cast<std::size_t>(end - begin) * static_cast<std::size_t>(width));
  for (int line = first_line + begin; line < first_line + end; ++line) {
    double const y = y1 - line * dy;
    for (int j = 0; j < width; ++j) part.push_back(value_at({x0 + j * dx, y}));
  }

  std::vector<int> counts;
  std::vector<int> offsets;
  std::vector<std::uint8_t> all;
  if (comm.rank() == 0) {
    for (int rank = 0; rank < comm.size(); ++rank) {
      offsets.push_back(part_begin(lines, rank, comm.size()) * width);
      counts.push_back(part_begin(lines, rank + 1, comm.size()) * width - offsets.back());
    }
    all.resize(static_cast<std::size_t>(lines) * static_cast<std::size_t>(width));
  }
  check_mpi(MPI_Gatherv(part.data(), static_cast<int>(part.size()), MPI_UINT8_T, all.data(), counts.data(),
                        offsets.data(), MPI_UINT8_T, 0, comm),
            "MPI_Gatherv");
  return all;
}
FARM_TASK(julia)

}  // namespace farm::demo
