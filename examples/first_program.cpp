// $ mpiexec -n 1 -host localhost:5 first_program
#include <farm/farm.hpp>

#include <fmt/ranges.h>

auto calc(int i, farm::Comm const& comm) { return std::tuple{i, comm.size(), comm.rank()}; }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};  // a spawned rank serves tasks in here, and never returns
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  for (auto const& result : pool.map(calc, std::vector{1, 2, 3, 4})) fmt::print("{}\n", result);
}
