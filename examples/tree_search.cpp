// $ mpiexec -n 1 -host localhost:4 tree_search
//
// Counts the nodes of a tree whose shape is not known in advance: tree T3 of the Unbalanced Tree Search benchmark,
// whose published size is 4112897. A task explores up to a number of nodes and returns the nodes that are left; the
// master makes new tasks of them. Most tasks take microseconds, some a thousand times as long.
#include <farm/farm.hpp>

#include <fmt/format.h>

#include "unbalanced_tree.hpp"

#include <deque>
#include <utility>

/// Returns what it counted, and the nodes from which the search goes on.
std::pair<Count, std::vector<Node>> search(Tree const& tree, std::vector<Node> nodes, std::uint64_t limit) {
  auto const count = explore(tree, nodes, limit);
  return {count, std::move(nodes)};
}

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 3}};
  Tree const tree;

  // First the root alone, then up to 4000 nodes from each node that a task has left.
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
