// farm demo --quick: smaller pictures and grids than the demo usually computes.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>
#include <sstream>

namespace {

/// Computes a line in a single process, after the example in the mpi4py manual.
std::string julia_line(int line, int width, int height) {
  double const dx = 4.0 / width;
  double const dy = 3.0 / height;
  std::string values;
  for (int j = 0; j < width; ++j) {
    std::complex<double> z{-2.0 + j * dx, 1.5 - line * dy};
    int n = 255;
    while (std::abs(z) < 3 && n > 1) {
      z = z * z + std::complex<double>{0, 0.65};
      --n;
    }
    values.push_back(static_cast<char>(n));
  }
  return values;
}

std::string content(std::string const& file) {
  std::ostringstream text;
  text << std::ifstream{file, std::ios::binary}.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("the demo does its three jobs") {
  auto const outcome = farm_in(7, "demo --quick --output pictures");
  REQUIRE(outcome.status == 0);
  CHECK_THAT(outcome.err, contains("julia set: 12/12, 0:0") && contains("heat: 16/16, 0:0"));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 2);
  CHECK_THAT(outcome.out, contains("\n(1, 2, 0) (2, 2, 0) (3, 2, 0) (4, 2, 0)\n"));

  constexpr int width = 160;
  constexpr int height = 120;
  auto const picture = content("pictures/julia.pgm");
  std::string const header = "P5 160 120 255\n";
  REQUIRE(picture.size() == header.size() + width * height);
  CHECK(picture.substr(0, header.size()) == header);
  for (int line = 0; line < height; ++line) {
    CAPTURE(line);
    CHECK(picture.substr(header.size() + static_cast<std::size_t>(line) * width, width) ==
          julia_line(line, width, height));
  }
  CHECK(content("pictures/julia.png").substr(1, 3) == "PNG");

  int diffusivities = 0;
  for (auto const& line : lines(outcome.out)) {
    std::istringstream numbers{line};
    double alpha = 0;
    double computed = 0;
    double exact = 0;
    double difference = 0;
    if (!(numbers >> alpha >> computed >> exact >> difference)) continue;
    ++diffusivities;
    CHECK(exact == Approx(std::exp(-2 * std::numbers::pi * std::numbers::pi * alpha * 0.05)).epsilon(1e-6));
    CHECK(computed == Approx(exact).epsilon(0.02));
    CHECK(difference == Approx((computed - exact) / exact).epsilon(0.01).margin(1e-6));
  }
  CHECK(diffusivities == 16);

  auto const all = lines(outcome.out).back();  // the last line of the table
  CAPTURE(all);
  std::istringstream numbers{all};
  std::string job;
  int tasks = 0;
  int groups = 0;
  int ranks = 0;
  CHECK(numbers >> job >> tasks >> groups >> ranks);
  CHECK(job == "all");
  CHECK(tasks == 4 + 12 + 16);
  CHECK(groups >= 1);  // a group that was not ready in time does not count
  CHECK(groups <= 3);
  CHECK(ranks == 2 * groups);
}

TEST_CASE("--keep keeps the stage of a run and prints where it is, and later runs do not touch it") {
  std::filesystem::create_directory("stage");
  auto const outcome = farm_in(7, "demo --quick --output kept --keep --stage stage");
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.err, contains("the staged arrays are kept in ") && contains("/stage/farm-"));
  CHECK_THAT(farm_in(7, "demo --quick --output not_kept --stage stage").err, !contains("kept in"));
  CHECK(std::distance(std::filesystem::directory_iterator{"stage"}, std::filesystem::directory_iterator{}) == 1);
}

TEST_CASE("heat is the same for any distribution of its rows") {
  auto const one = farm_in(5, "map heat 0.5,24 --ranks-per-task 1");
  auto const three = farm_in(5, "map heat 0.5,24 --ranks-per-task 3");
  CHECK(one.status == 0);
  CHECK(three.status == 0);
  double computed = 0;
  double same = 0;
  CHECK(std::sscanf(one.out.c_str(), "(%lf", &computed) == 1);
  CHECK(std::sscanf(three.out.c_str(), "(%lf", &same) == 1);
  CHECK(same == Approx(computed).epsilon(1e-12));

  // The mode is an eigenvector of the scheme, so its decay in the scheme is known.
  double const h = 1.0 / 25;
  double const steps = std::ceil(0.5 * 0.05 / (0.2 * h * h));
  double const r = 0.5 * 0.05 / (steps * h * h);
  double const sine = std::sin(std::numbers::pi * h / 2);
  CHECK(computed == Approx(std::pow(1 - 8 * r * sine * sine, steps)).epsilon(1e-9));
}

TEST_CASE("the picture of a band is the same for any number of ranks") {
  std::string expected = "[";
  for (char const value : julia_line(20, 40, 30) + julia_line(21, 40, 30) + julia_line(22, 40, 30)) {
    expected += std::to_string(static_cast<unsigned char>(value)) + ", ";
  }
  expected.replace(expected.size() - 2, 2, "]\n");
  CHECK(farm_in(5, "map julia 20,3,40,30 --ranks-per-task 4").out == expected);
  CHECK_THAT(farm_in(5, "map julia 29,2,40,30").complaints().at(0),
             contains("lines 29 to 30 are not in a picture of 40 x 30"));
}
