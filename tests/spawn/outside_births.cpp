// A rank dies while it connects to its launcher, a few milliseconds after it was born.
#include "tests/spawn/run_program.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string>

TEST_CASE("a rank that dies while it connects to its launcher costs one group, and mpiexec ends", "[spawned]") {
  auto const microseconds = GENERATE(0, 300, 1000, 3000, 10000);
  for (int i = 0; i < 4; ++i) {
    CAPTURE(microseconds, i);
    auto const file = std::filesystem::absolute("has_died");
    std::filesystem::remove(file);
    auto const outcome = run_program(
        FARM_MPIEXEC " --oversubscribe -host localhost:9 -n 1 " FARM_SMALL_PROGRAM " work",
        fmt::format("LD_PRELOAD='{}' DIE_AT_CONNECT='{},{}'", FARM_DIE_AT_CONNECT, file.string(), microseconds));
    CHECK(outcome.status == 0);
    CHECK(outcome.output == "sum 48\n");
    CHECK(outcome.left.empty());
    CHECK(std::filesystem::exists(file));
  }
}
