// $ mpiexec -n 1 -host localhost:5 executor
//
// An Executor is one group of ranks that runs its tasks one after the other. Here one executor runs MPI-parallel
// functions on two ranks while another runs serial functions on one.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

auto calc(int i, farm::Comm const& comm) { return std::tuple{i, comm.size(), comm.rank()}; }
int square(int i) { return i * i; }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::Executor parallel{{.cores = 2}};
  farm::Executor serial{{.cores = 1}};
  auto const from_all_ranks = parallel.submit(calc, 2);
  auto const from_one = serial.submit(square, 3);
  for (auto const& result : from_all_ranks.result()) fmt::print("{}\n", result);
  int const nine = from_one.result();
  fmt::print("{}\n", nine);
}
