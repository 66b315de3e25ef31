// A program that was started with all its ranks at once: rank 0 is the master, the other ranks serve.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace {

int pid() { return getpid(); }
std::string where() { return std::filesystem::current_path().string(); }
std::string variable(std::string const& name) {
  char const* const value = getenv(name.c_str());
  return value != nullptr ? value : "not set";
}
int sum_of_ranks(farm::Comm const& comm) {
  int const mine = comm.rank() + 1;
  int sum = 0;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}
int world_size(int) {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

}  // namespace

TEST_CASE("tasks run on the ranks that the job was started with") {
  farm::MPISpawnPool pool{{.ranks_per_task = 1}};
  CHECK(pool.max_ranks() == 5);
  CHECK(pool.map(world_size, std::vector{1, 2, 3}) == std::vector{6, 6, 6});
}

TEST_CASE("the same ranks form groups of all sizes, in turn and at once") {
  farm::MPISpawnPool pool{{.max_ranks = 5, .ranks_per_task = 2}};
  std::vector<farm::Future<int>> sums;
  for (int round = 0; round < 20; ++round) {
    for (int ranks = 1; ranks <= 5; ++ranks)
      sums.push_back(pool.submit(farm::TaskOptions{.ranks = ranks}, sum_of_ranks));
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    int const ranks = static_cast<int>(i % 5) + 1;
    CHECK(sums[i].result() == ranks * (ranks + 1) / 2);
  }
  farm::MPISpawnPool another{{.max_ranks = 4, .ranks_per_task = 4}};
  CHECK(another.submit(sum_of_ranks).result() == 10);
  CHECK(pool.submit(sum_of_ranks).result() == 3);
}

TEST_CASE("the worker options of one pool do not affect another pool") {
  auto const directory = std::filesystem::temp_directory_path() / "static_ranks";
  std::filesystem::create_directories(directory);
  {
    farm::MPISpawnPool pool{
        {.max_ranks = 5, .workers = {.working_directory = directory.string(), .environment = {{"COLOUR", "blue"}}}}};
    CHECK(pool.submit(where).result() == std::filesystem::canonical(directory).string());
    CHECK(pool.submit(variable, "COLOUR").result() == "blue");
  }
  farm::MPISpawnPool pool{{.max_ranks = 5}};
  CHECK(pool.submit(where).result() == std::filesystem::current_path().string());
  CHECK(pool.submit(variable, "COLOUR").result() == "not set");
  farm::MPISpawnPool lost{{.max_ranks = 1, .workers = {.working_directory = "/no/such/place"}}};
  CHECK_THAT(error_of([&] { lost.submit(where).result(); }), contains("/no/such/place"));
  std::filesystem::remove_all(directory);
}

TEST_CASE("initializers run again for each pool") {
  for (int i = 0; i < 3; ++i) {
    farm::MPISpawnPool pool{{.max_ranks = 5, .initializer = farm::initializer([](int k) { return k; }, i)}};
    CHECK(pool.submit([](farm::Initialized<int> kept) { return *kept; }).result() == i);
  }
  farm::MPISpawnPool broken{
      {.max_ranks = 5, .initializer = farm::initializer([]() -> int { throw std::runtime_error("out of order"); })}};
  CHECK_THAT(error_of([&] { broken.submit(pid).result(); }), contains("out of order"));
}

TEST_CASE("more ranks than the job has are refused, and the error says how to get more") {
  auto const text = error_of([] { farm::MPISpawnPool{{.max_ranks = 6}}; });
  CHECK_THAT(text, contains("mpiexec -n 7"));
  CHECK_THAT(text, contains("5 slots"));
}

// These run last, since ranks that die are not replaced.

TEST_CASE("an exception on one rank costs the peer that waits for it, and no other rank") {
  farm::MPISpawnPool pool{{.max_ranks = 5, .ranks_per_task = 2, .grace = std::chrono::milliseconds{100}}};
  auto const one_throws = [](farm::Comm const& comm) {
    if (comm.rank() == 1) throw std::domain_error("one");
    comm.barrier();
  };
  CHECK_THROWS_AS(pool.submit(one_throws).result(), std::domain_error);
  CHECK(pool.map([](int i) { return i; }, std::vector{1, 2, 3}) == std::vector{1, 2, 3});
}

TEST_CASE("a rank that dies ends its group only; a task for which too few ranks are left fails instead of waiting") {
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2, .max_losses = 1}};
  auto const text = error_of([&] {
    pool.submit([](farm::Comm const& comm) {
          if (comm.rank() == 0) raise(SIGSEGV);
          comm.barrier();
        })
        .result();
  });
  CHECK_THAT(text, contains("signal 11"));
  CHECK(pool.submit(sum_of_ranks).result() == 3);
  CHECK_THAT(error_of([&] { pool.submit(farm::TaskOptions{.ranks = 4}, sum_of_ranks).result(); }),
             contains("are left"));
  CHECK(pool.submit(sum_of_ranks).result() == 3);
}
