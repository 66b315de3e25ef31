// Programs that meet another MPI than their own: its mpiexec, or its library. tests/spawn/CMakeLists.txt adds this test
// if both MPIs are installed.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

std::string const program = FARM_SMALL_PROGRAM;  // NOLINT: a string

/// Counts the lines of the farm's own errors.
std::size_t errors_of_farm(std::string const& text) {
  std::size_t count = 0;
  for (auto at = text.find("error: "); at != std::string::npos; at = text.find("error: ", at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("a program that the mpiexec of another MPI has started says so, and no process works as a master") {
  auto const ranks = GENERATE(1, 3);
  CAPTURE(ranks);
  auto const outcome = run_program(
      fmt::format(FARM_OTHER_MPIEXEC " --bind-to none -n {0} -host localhost:{0} {1} work", ranks, program));
  CHECK(outcome.status == 1);
  CHECK(outcome.output.empty());
  CHECK_THAT(outcome.errors, contains("mpiexec has started this program, which is built with ") &&
                                 contains(" would not know of each other; start it with mpiexec"));
  CHECK(errors_of_farm(outcome.errors) >= 1);
  CHECK(errors_of_farm(outcome.errors) <= static_cast<std::size_t>(ranks));
  CHECK(outcome.left.empty());
}

TEST_CASE("a program that has loaded the libraries of two MPIs says so in one line") {
  auto const outcome = run_program(program + " work", "LD_PRELOAD=" FARM_OTHER_MPI_LIBRARY);
  CHECK(outcome.status == 1);
  CHECK(outcome.output.empty());
  CHECK_THAT(outcome.errors, contains("error: this program ") && contains("with one MPI"));
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
}

TEST_CASE("groups are launched by the mpiexec of the program's own MPI, whichever MPI mpiexec in PATH belongs to") {
  std::filesystem::create_directory("other");
  std::filesystem::remove("other/mpiexec");
  std::filesystem::create_symlink(FARM_OTHER_MPIEXEC, "other/mpiexec");
  auto const path = std::string{getenv("PATH")};
  auto const outcome = run_program(program + " work", "FARM_SOURCE=launched \"PATH=$PWD/other:\"'" + path + "'");
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.errors.empty());
}
