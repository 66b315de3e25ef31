// $ launched_groups
//
// Each group is started by an mpiexec of its own, instead of MPI_Comm_spawn. The master is then no MPI process: it runs
// without mpiexec, and it survives the loss of a host. In a Slurm job, srun starts the groups.
#include <farm/farm.hpp>

#include <fmt/ranges.h>

auto calc(int i, farm::Comm const& comm) { return std::tuple{i, comm.size(), comm.rank()}; }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv, farm::Ranks::launch};
  farm::MPISpawnPool pool{{
      .max_ranks = 4,
      .ranks_per_task = 2,
      // Only for this pool. Without it: FARM_LAUNCHER, else srun in a Slurm job, else mpiexec.
      .workers = {.launcher = "mpiexec"},
  }};
  for (auto const& result : pool.map(calc, std::vector{1, 2, 3, 4})) fmt::print("{}\n", result);

  int initialized = 0;
  MPI_Initialized(&initialized);
  fmt::print("MPI is initialized in the master: {}\n", initialized != 0);
}
