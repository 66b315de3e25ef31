// main() of tests that all ranks of MPI_COMM_WORLD run together, with a Runtime.
#include <farm/runtime.hpp>

#include "tests/support/run_together.hpp"

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv, farm::Ranks::take_part};
  return run_together(argc, argv);
}
