// The directory, environment and output file that a task asks for.
#include <farm/farm.hpp>

#include "tests/spawn/scratch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string here() { return std::filesystem::current_path().string(); }
std::string variable() {
  char const* const value = std::getenv("TASK_SETTING");
  return value == nullptr ? "none" : value;
}
void print(farm::Comm const& comm) { std::printf("rank %d\n", comm.rank()); }
std::string text_of(std::filesystem::path const& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

TEST_CASE("a task has its directory, environment and output on all ranks, and the next task has none of them") {
  Scratch const scratch{"task_settings"};
  auto const directory = std::filesystem::canonical(scratch.path).string();
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const before = pool.submit(here).result();
  farm::TaskOptions const options{
      .directory = directory, .environment = {{"TASK_SETTING", "a b"}}, .output = "out.{rank}.txt"};
  for (auto const& each : pool.submit(farm::all_ranks(options), here).result()) CHECK(each == directory);
  for (auto const& each : pool.submit(farm::all_ranks(options), variable).result()) CHECK(each == "a b");
  pool.submit(farm::all_ranks(options), print).result();
  for (auto const& each : pool.submit(farm::all_ranks, here).result()) CHECK(each == before);
  for (auto const& each : pool.submit(farm::all_ranks, variable).result()) CHECK(each == "none");
  CHECK(text_of(scratch.path / "out.0.txt") == "rank 0\n");
  CHECK(text_of(scratch.path / "out.1.txt") == "rank 1\n");
}

TEST_CASE("ranks and tasks whose output has the same path share the file, also in a pool with an output directory") {
  Scratch const scratch{"task_output"};
  std::filesystem::create_directory(scratch.path / "of_pool");
  auto const directory = scratch.path.string();
  farm::MPISpawnPool pool{
      {.max_ranks = 2, .ranks_per_task = 2, .workers = {.output_directory = directory + "/of_pool"}}};
  farm::TaskOptions const shared{.output = directory + "/shared.txt"};
  pool.submit(shared, print).result();
  pool.submit(shared, print).result();
  auto const text = text_of(scratch.path / "shared.txt");
  CHECK(text.size() == 4 * std::string{"rank 0\n"}.size());
  CHECK(text.find("rank 1\n") != text.rfind("rank 1\n"));
  pool.submit(print).result();
  CHECK(text_of(scratch.path / "shared.txt") == text);
}

TEST_CASE("if a setting is bad on one rank only, the task fails and the other ranks do not wait for ever") {
  Scratch const scratch{"task_settings_of_one"};
  std::filesystem::create_directory(scratch.path / "0");
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  farm::TaskOptions const options{.output = (scratch.path / "{rank}" / "out").string()};
  auto const text = error_of([&] { pool.submit(options, [](farm::Comm const& comm) { MPI_Barrier(comm); }).result(); });
  CHECK_THAT(text, contains("rank 1 of 2") && contains("/1/out: No such file"));
  CHECK(pool.submit(farm::all_ranks, here).result().size() == 2);
}

TEST_CASE("bad settings of a task are an error of that task, before its function runs") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const text_with = [&](farm::TaskOptions const& options) {
    return error_of([&] { pool.submit(options, here).result(); });
  };
  CHECK_THAT(text_with({.directory = "/no/such"}), contains("the task's directory /no/such: No such file"));
  CHECK_THAT(text_with({.output = "/no/such/out"}), contains("the task's output /no/such/out: No such file"));
  CHECK_THAT(text_with({.output = "{rnak}"}), contains("did you mean 'rank'?"));
  CHECK_THAT(text_with({.environment = {{"A=B", "1"}}}), contains("cannot be the name of a variable"));
  CHECK(pool.submit([] { return 1; }).result() == 1);
}
