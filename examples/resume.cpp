// $ mpiexec -n 1 -host localhost:3 resume
//
// A sweep that goes on where it was: results of tasks with `cache` are kept in a directory, from one run of the program
// to the next. Here, three pools stand for three runs. The second one goes on with what the first one has done; the
// third one finds everything.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

/// Stands for hours of work. The result depends on the argument only.
double simulate(double reynolds) { return 24 / reynolds + 6 / (1 + std::sqrt(reynolds)) + 0.4; }
FARM_TASK_VERSION(simulate, "1")  // without it, results are good for one build of the program

void sweep(std::string const& cache, int inputs) {
  std::vector<double> reynolds(static_cast<std::size_t>(inputs));
  std::iota(reynolds.begin(), reynolds.end(), 1.0);
  farm::MPISpawnPool pool{{.max_ranks = 2, .cache_directory = cache}};
  auto const drag = pool.map(simulate, reynolds, {.chunksize = 5, .task = {.cache = true}});
  fmt::print("{} results, the last is {:.3f}; {} were known\n", drag.size(), drag.back(), pool.statistics().cached);
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  auto const cache = std::filesystem::temp_directory_path() / fmt::format("resume-{}", getpid());
  sweep(cache, 60);  // the first run ends here: it was killed, or the machine was needed
  sweep(cache, 100);
  sweep(cache, 100);
  std::filesystem::remove_all(cache);  // only here: a program keeps it
}
