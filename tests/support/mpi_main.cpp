// main() of tests that spawn: the master runs the test cases, and a spawned rank serves tasks instead.
#include <farm/runtime.hpp>

#include "tests/support/run_test_cases.hpp"

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  return run_test_cases(argc, argv);
}
