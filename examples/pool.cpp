// $ mpiexec -n 1 -host localhost:3 pool
//
// Serial functions on two workers. The results are in the order of the inputs.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

int calc(int i) { return i * i; }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::Pool pool{{.max_workers = 2}};
  fmt::print("{}\n", pool.map(calc, std::vector{1, 2, 3, 4}));
}
