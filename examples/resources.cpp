// $ env FARM_RESOURCES=cores=4,licence=1 mpiexec -n 1 -host localhost:5 resources
//
// What tasks need besides ranks: threads, memory, and a licence that one task at a time can have. FARM_RESOURCES tells
// what there is; without it the farm finds out how many cores and how much memory the hosts have.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include <cstdlib>
#include <string>

using namespace farm::literals;

/// Returns what a rank of the task has been given.
std::string describe(std::string const& name, farm::Comm const& comm) {
  char const* const threads = std::getenv("OMP_NUM_THREADS");
  return fmt::format("{}: {} ranks with {} threads", name, comm.size(), threads != nullptr ? threads : "?");
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 4, .workers = {.threads = 1, .memory = 10_MiB}}};
  auto small = pool.submit(describe, "small");
  auto large = pool.submit(farm::TaskOptions{.ranks = 2, .threads = 2, .memory = 100_MiB}, describe, "large");
  auto licensed = pool.submit(farm::TaskOptions{.threads = 4, .resources = {{"licence", 1}}}, describe, "licensed");
  for (auto* const each : {&small, &large, &licensed}) fmt::print("{}\n", each->result());
  try {
    static_cast<void>(pool.submit(farm::TaskOptions{.resources = {{"license", 1}}}, describe, "misspelt"));
  } catch (farm::UsageError const& error) {
    fmt::print("{}\n", error.what());
  }
}
