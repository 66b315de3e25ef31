// Every task contributes to one count, so a task that is lost or counted twice changes it.
#include <farm/farm.hpp>

#include "examples/unbalanced_tree.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Found = std::pair<Count, std::vector<Node>>;

/// Tells the Killer, in a file named after the process, that this process has started and may be killed.
void tell_process(std::string const& directory) { std::ofstream{fmt::format("{}/{}", directory, getpid())}; }

/// Explores some nodes. For one first node in 1024 the rank of the first attempt dies, before the work or with the
/// answer ready.
Found search(Tree const& tree, std::vector<Node> nodes, std::uint64_t limit, std::string const& directory,
             farm::TaskContext& context) {
  tell_process(directory);
  auto const& digest = nodes.front().digest;
  bool const doomed = context.attempt() == 1 && digest[0] == 0 && digest[1] < 64;
  if (doomed && digest[2] < 128) raise(SIGKILL);
  auto const count = explore(tree, nodes, limit);
  if (doomed) raise(SIGKILL);
  return {count, std::move(nodes)};
}

/// Kills a rank about every 300 ms, of those that have called tell_process().
class Killer {
 public:
  Killer(std::filesystem::path directory, std::uint32_t seed)
      : directory_(std::move(directory)), random_(seed), thread_([this](std::stop_token const& stop) {
          while (!stop.stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution{100, 500}(random_)));
            hit();
          }
        }) {}

 private:
  void hit() {
    std::vector<std::filesystem::path> files{std::filesystem::directory_iterator{directory_}, {}};
    std::shuffle(files.begin(), files.end(), random_);
    for (auto const& file : files) {
      std::filesystem::remove(file);
      if (kill(std::stoi(file.filename().string()), SIGKILL) == 0) return;
    }
  }

  std::filesystem::path directory_;
  std::mt19937 random_;
  std::jthread thread_;
};

}  // namespace

TEST_CASE("a tree search counts every node once while ranks are killed, and kill themselves") {
  Tree const tree{.branching = 0.124};
  std::vector<Node> nodes{root_of(tree)};
  auto const serial = explore(tree, nodes, std::numeric_limits<std::uint64_t>::max());

  auto const seed = std::random_device{}();
  CAPTURE(seed);
  auto const directory = std::filesystem::current_path() / fmt::format("ranks-{}", getpid());
  std::filesystem::create_directory(directory);
  Count total;
  farm::Statistics statistics;
  {
    farm::MPISpawnPool pool{{.max_ranks = 4, .max_losses = 1000}};
    Killer const killer{directory, seed};
    std::deque<farm::Future<Found>> futures;
    auto const go_on_from = [&](Node const& node, std::uint64_t limit) {
      futures.push_back(pool.submit(search, tree, std::vector{node}, limit, directory.string()));
    };
    go_on_from(root_of(tree), 1);
    while (!futures.empty()) {
      auto const [count, left] = futures.front().result();
      futures.pop_front();
      total += count;
      for (auto const& node : left) go_on_from(node, 2000);
    }
    statistics = pool.statistics();
  }
  std::filesystem::remove_all(directory);
  fmt::print("{} nodes by {} tasks, {} groups lost\n", total.nodes, statistics.tasks, statistics.groups_lost);
  CHECK(total == serial);
  CHECK(statistics.tasks >= 2000);
  CHECK(statistics.groups_lost >= 10);
}
