// Ranks that are killed while MPI starts them, so that MPI_Comm_spawn would wait for them for ever.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// Kills this process if it finds and removes one of the files that the environment variable names. One rank dies for
/// each file: the variable holds a path, to which each file adds a number.
void die_if_asked(char const* variable) {
  char const* const path = std::getenv(variable);
  if (path == nullptr) return;
  for (int i = 0; i < 8; ++i) {
    if (unlink((path + std::to_string(i)).c_str()) == 0) raise(SIGKILL);
  }
}

/// Creates `count` files for die_if_asked(), and returns their path without the number.
std::string deaths(int count) {
  static int calls = 0;
  auto const name = std::filesystem::temp_directory_path() /
                    ("farm-births-" + std::to_string(getpid()) + "-" + std::to_string(calls++) + "-");
  for (int i = 0; i < count; ++i) std::ofstream{name.string() + std::to_string(i)} << "";
  return name.string();
}

int sum_of_ranks(int i, farm::Comm const& comm) {
  int const mine = i + comm.rank();
  int sum = 0;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}

}  // namespace

// Replaces the library's function, as the profiling interface of MPI allows.
extern "C" int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  die_if_asked("DIE_BEFORE_INIT");
  int const code = PMPI_Init_thread(argc, argv, required, provided);
  die_if_asked("DIE_AFTER_INIT");
  return code;
}

TEST_CASE("tasks run and the program ends with success, although ranks die while MPI starts them") {
  auto const* const when = GENERATE("DIE_BEFORE_INIT", "DIE_AFTER_INIT");
  auto const count = GENERATE(1, 2);
  CAPTURE(when, count);
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2, .workers = {.environment = {{when, deaths(count)}}}}};
  std::vector<farm::Future<int>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(pool.submit(sum_of_ranks, i));
  for (int i = 0; i < 20; ++i) CHECK(futures[static_cast<std::size_t>(i)].result() == 2 * i + 1);
}

TEST_CASE("a pool gives up groups that keep dying while MPI starts them, and says why") {
  farm::MPISpawnPool pool{
      {.max_ranks = 2, .ranks_per_task = 2, .workers = {.environment = {{"DIE_BEFORE_INIT", deaths(8)}}}}};
  auto const future = pool.submit(sum_of_ranks, 1);
  CHECK_THAT(error_of<farm::SpawnError>([&] { future.result(); }), contains("signal 9 (Killed)"));
}
