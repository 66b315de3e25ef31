// Programs whose groups are started by prun, beside a real virtual machine of PRRTE, which with_dvm has made.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

std::string const program = FARM_SMALL_PROGRAM;  // NOLINT: a string
std::string const with_prun =                    // NOLINT: a string
    "FARM_SOURCE=launched FARM_LAUNCHER=\"prun --dvm-uri file:$FARM_TEST_DVM_URI\"";

}  // namespace

TEST_CASE("prun starts the groups of a program") {
  auto const outcome = run_program(program + " work", with_prun);
  CHECK(outcome.status == 0);
  CHECK(outcome.output == "sum 48\n");
  CHECK(outcome.errors.empty());
  CHECK(outcome.left.empty());
}

TEST_CASE("a group of prun whose ranks die is replaced, and the virtual machine lives on") {
  for (int i = 0; i < 2; ++i) {
    auto const outcome = run_program(program + " lose_ranks", with_prun);
    CHECK(outcome.status == 0);
    CHECK(outcome.output == "lost\nlost\nthen 3\n");
    CHECK(outcome.left.empty());
  }
}

TEST_CASE("when the master dies, the ranks that prun has started end") {
  std::filesystem::remove("the_task_runs");
  auto const outcome = run_program(program + " orphan_a_task", with_prun);
  CHECK(ended_with(outcome, 137));
  CHECK(outcome.left.empty());
}

// The last test case: it ends the virtual machine.
TEST_CASE("a program says in one line that there is no virtual machine for prun") {
  REQUIRE(std::getenv("FARM_TEST_DVM_PID") != nullptr);
  REQUIRE(std::system("kill -9 $FARM_TEST_DVM_PID") == 0);
  auto const outcome = run_program(program + " work", with_prun);
  CHECK(outcome.status == 1);
  CHECK(outcome.output.empty());
  CHECK_THAT(outcome.errors, contains("error: ") && contains("prun"));
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
  CHECK(outcome.left.empty());
}
