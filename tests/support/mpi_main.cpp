// main() of tests with ranks of their own: the master runs the test cases, and each other rank serves tasks.
#include <farm/runtime.hpp>

#include "tests/support/run_test_cases.hpp"

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  return run_test_cases(argc, argv);
}
