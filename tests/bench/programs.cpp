// programs: measures how many programs that do nothing run per second, one process each, beside `xargs -P 2` and GNU
// parallel; and the time of an MPI program on 2 ranks, one after the other, beside `mpiexec -n 2`. All run in turn. The
// first argument is an MPI program that does nothing.
#include <farm/farm.hpp>

#include "tests/bench/measure.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr int small_programs = 3000;
constexpr int for_parallel = 100;
constexpr int mpi_programs = 10;
constexpr int rounds = 3;

/// Returns the seconds that a shell needs for a command, without the variables of this process's launcher.
double seconds_of(std::string const& command) {
  auto const begin = bench::wall_us();
  if (std::system(command.c_str()) != 0) fmt::print(stderr, "failed: {}\n", command);
  return (bench::wall_us() - begin) * 1e-6;
}

double seconds_of(farm::MPISpawnPool& pool, farm::Program const& program, int count) {
  auto const begin = bench::wall_us();
  std::vector<farm::Future<farm::Exit>> all;
  for (int i = 0; i < count; ++i) all.push_back(pool.run(program));
  for (auto const& each : all) each.result();
  return (bench::wall_us() - begin) * 1e-6;
}

}  // namespace

int main(int argc, char** argv) {
  farm::Runtime const runtime{argc, argv};
  std::string const mpi_program = argc > 1 ? argv[1] : "true";
  farm::remove_launcher_variables();
  std::vector<double> rates;
  std::vector<double> times;
  std::vector<double> xargs;
  std::vector<double> parallel;
  std::vector<double> mpiexec;
  for (int round = 0; round < rounds; ++round) {
    {
      farm::MPISpawnPool pool{{.max_ranks = 2}};
      farm::Program const nothing{.command = {"/bin/true"}, .mpi = false};
      seconds_of(pool, nothing, 100);
      rates.push_back(small_programs / seconds_of(pool, nothing, small_programs));
    }
    xargs.push_back(small_programs / seconds_of(fmt::format("seq {} | xargs -P 2 -n 1 /bin/true", small_programs)));
    if (std::system("command -v parallel >/dev/null 2>&1") == 0)
      parallel.push_back(for_parallel / seconds_of(fmt::format("seq {} | parallel -j 2 /bin/true {{}}", for_parallel)));
    {
      farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
      farm::Program const program{.command = {mpi_program}, .capture = 1000};
      seconds_of(pool, program, 1);
      times.push_back(seconds_of(pool, program, mpi_programs) / mpi_programs);
    }
    mpiexec.push_back(seconds_of(fmt::format("for i in $(seq {}); do mpiexec --oversubscribe --bind-to none -n 2 '{}' "
                                             ">/dev/null; done",
                                             mpi_programs, mpi_program)) /
                      mpi_programs);
  }
  fmt::print("programs_per_s {:.0f}\nxargs_per_s {:.0f}\n", bench::median(rates), bench::median(xargs));
  if (!parallel.empty()) fmt::print("parallel_per_s {:.0f}\n", bench::median(parallel));
  fmt::print("program_of_2_ms {:.1f}\nmpiexec_of_2_ms {:.1f}\n", bench::median(times) * 1e3,
             bench::median(mpiexec) * 1e3);
}
