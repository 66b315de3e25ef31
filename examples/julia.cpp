// $ mpiexec -n 1 -host localhost:5 julia
// $ mpiexec -n 5 --oversubscribe julia
//
// Computes a picture by lines. The lazy map of MPIPoolExecutor gives the lines in order, so the master writes the first
// ones while ranks compute later ones. The program runs on workers that it spawns, or on ranks that mpiexec has
// started.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <complex>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

constexpr double left = -2.0, right = +2.0;
constexpr double bottom = -1.5, top = +1.5;
constexpr int w = 640 * 2, h = 480 * 2;
constexpr double dx = (right - left) / w;
constexpr double dy = (top - bottom) / h;
constexpr std::complex<double> c{0, 0.65};

unsigned char julia(double x, double y) {
  std::complex<double> z{x, y};
  unsigned char n = 255;
  while (std::abs(z) < 3 && n > 1) {
    z = z * z + c;
    --n;
  }
  return n;
}

std::string julia_line(int k) {
  std::string line(w, '\0');
  double const y = top - k * dy;
  for (int j = 0; j < w; ++j) line[static_cast<std::size_t>(j)] = static_cast<char>(julia(left + j * dx, y));
  return line;
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPIPoolExecutor executor;
  std::ofstream file{"julia.pgm", std::ios::binary};
  file << fmt::format("P5 {} {} {}\n", w, h, 255);
  std::vector<int> lines(h);
  std::iota(lines.begin(), lines.end(), 0);
  std::size_t bytes = 0;
  for (auto const& line : executor.map(julia_line, lines)) {
    file << line;
    bytes += line.size();
  }
  fmt::print("julia.pgm: {} lines, {} bytes\n", h, bytes);
}
