// main() of tests that need neither MPI nor the farm.
#include "tests/support/run_test_cases.hpp"

int main(int argc, char** argv) { return run_test_cases(argc, argv); }
