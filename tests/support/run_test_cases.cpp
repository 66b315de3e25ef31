// Catch2 2 is header-only; this source compiles it once for all test programs.
#define CATCH_CONFIG_RUNNER
#include "tests/support/run_test_cases.hpp"

#include "tests/support/catch.hpp"

int run_test_cases(int argc, char** argv) { return Catch::Session().run(argc, argv); }
