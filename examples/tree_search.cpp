// $ mpiexec -n 1 -host localhost:4 tree_search
//
// Counts the nodes of a tree that nobody knows beforehand: tree T3 of the Unbalanced Tree Search benchmark, whose size,
// 4112897, is published. A task explores from a node until it has had enough, and gives back what is left, of which new
// tasks are made; most take microseconds, some a thousand times as long.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include "unbalanced_tree.hpp"

#include <deque>
#include <utility>

/// What was counted, and where to go on.
std::pair<Count, std::vector<Node>> search(Tree const& tree, std::vector<Node> nodes, std::uint64_t limit) {
  auto const count = explore(tree, nodes, limit);
  return {count, std::move(nodes)};
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 3}};
  Tree const tree;

  // the root alone first, then up to 4000 nodes for each node that a task has left
  std::deque<farm::Future<std::pair<Count, std::vector<Node>>>> futures;
  futures.push_back(pool.submit(search, tree, std::vector{root_of(tree)}, std::uint64_t{1}));
  Count total;
  while (!futures.empty()) {
    auto const [count, left] = futures.front().result();
    futures.pop_front();
    total += count;
    for (auto const& node : left) futures.push_back(pool.submit(search, tree, std::vector{node}, std::uint64_t{4000}));
  }
  fmt::print("{} nodes, {} leaves, depth {}\n", total.nodes, total.leaves, total.depth);
  fmt::print("thousands of tasks: {}\n", pool.statistics().tasks >= 2000);
}
