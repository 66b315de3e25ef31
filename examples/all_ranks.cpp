// $ mpiexec -n 1 -host localhost:5 all_ranks
// $ mpiexec -n 5 --oversubscribe all_ranks
//
// The result of a task is what its rank 0 returns. With farm::all_ranks it is what every rank returns, in the order of
// the ranks.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

#include <string>

/// The half-open range of `n` rows that this rank works on.
std::pair<int, int> rows_of_rank(int n, farm::Comm const& comm) {
  return {n * comm.rank() / comm.size(), n * (comm.rank() + 1) / comm.size()};
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 4}};
  fmt::print("{}\n", pool.submit(rows_of_rank, 10).result());
  fmt::print("{}\n", pool.submit(farm::all_ranks, rows_of_rank, 10).result());
  // Options of the task go to all_ranks: this one runs on three ranks.
  auto const on_three = farm::all_ranks(farm::TaskOptions{.ranks = 3});
  fmt::print("{}\n", pool.submit(on_three, rows_of_rank, 10).result());
}
