// Ranks die at random, by signals from outside and in their own tasks, while a pool works. Every result is right, and
// nothing hangs.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Computes for some milliseconds, with collectives of all ranks. In the first attempt of some tasks one rank dies.
/// Each rank creates a file in the directory, named after its process number.
long work(int i, std::string const& directory, farm::TaskContext& context, farm::Comm const& comm) {
  std::ofstream{fmt::format("{}/{}", directory, getpid())};
  if (context.attempt() == 1 && comm.rank() == i % comm.size()) {
    switch (i % 97) {
      case 3:
        std::exit(3);
      case 5:
        std::abort();
      case 7:
        MPI_Abort(comm, 7);
        break;
      case 11:
        _exit(0);
        break;
      case 13:
        raise(SIGSEGV);
        break;
      default:
        break;
    }
  }
  long sum = 0;
  for (int step = 0; step < 20; ++step) {
    long const mine = (i + step) * (comm.rank() + 1L);
    long all = 0;
    MPI_Allreduce(&mine, &all, 1, MPI_LONG, MPI_SUM, comm);
    sum += all;
    std::this_thread::sleep_for(100us);
  }
  return sum;
}

long expected(int i, int ranks) {
  long sum = 0;
  for (int step = 0; step < 20; ++step) {
    for (int rank = 0; rank < ranks; ++rank) sum += (i + step) * (rank + 1L);
  }
  return sum;
}

/// Returns the ranks that have started a task. Only these may be killed: MPI_Comm_spawn would wait for ever for a rank
/// that dies while it starts.
std::vector<pid_t> known_ranks(std::string const& directory) {
  std::vector<pid_t> ranks;
  for (auto const& entry : std::filesystem::directory_iterator{directory})
    ranks.push_back(std::stoi(entry.path().filename().string()));
  return ranks;
}

}  // namespace

TEST_CASE("every result is right while ranks are killed at random") {
  char const* const seconds = std::getenv("FARM_TEST_CHAOS_SECONDS");
  auto const duration = std::chrono::seconds{seconds != nullptr ? std::atoi(seconds) : 15};
  auto const seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};

  auto const directory = std::filesystem::temp_directory_path() / fmt::format("farm-chaos-{}", getpid());
  std::filesystem::create_directory(directory);

  std::uint64_t groups_lost = 0;
  int kills = 0;
  std::size_t tasks = 0;
  {
    farm::MPISpawnPool pool{
        {.max_ranks = 6, .ranks_per_task = 2, .max_losses = 1000, .rerun_after_exit = true, .grace = 200ms}};
    std::jthread const killer{[&](std::stop_token const& stop) {
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution{20, 200}(random)));
        auto ranks = known_ranks(directory);
        std::shuffle(ranks.begin(), ranks.end(), random);
        int const signals[] = {SIGKILL, SIGSEGV, SIGTERM, SIGKILL};
        for (auto const victim : ranks) {  // most are dead already
          std::filesystem::remove(directory / std::to_string(victim));
          if (kill(victim, signals[std::uniform_int_distribution{0, 3}(random)]) != 0) continue;
          ++kills;
          break;
        }
      }
    }};
    auto const end = std::chrono::steady_clock::now() + duration;
    bool right = true;
    while (std::chrono::steady_clock::now() < end) {
      std::vector<farm::Future<long>> futures;
      for (int i = 0; i < 300; ++i) futures.push_back(pool.submit(work, i, directory.string()));
      for (int i = 0; i < 300; ++i) right = right && futures[static_cast<std::size_t>(i)].result() == expected(i, 2);
      tasks += 300;
    }
    CHECK(right);
    groups_lost = pool.statistics().groups_lost;
  }
  fmt::print("{} tasks, {} signals sent, {} groups lost, seed {}\n", tasks, kills, groups_lost, seed);
  CHECK(groups_lost >= static_cast<std::uint64_t>(200 * duration / 60s));
  for (auto const rank : known_ranks(directory)) CHECK(kill(rank, 0) != 0);
  std::filesystem::remove_all(directory);
}
