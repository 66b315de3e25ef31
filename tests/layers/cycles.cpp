#include "tests/layers/cycles.hpp"

#include <algorithm>
#include <deque>
#include <set>

namespace layers {
namespace {

// The shortest way from a node back to itself; empty if no such way exists.
std::vector<std::string> cycle_through(Graph const& graph, std::string const& node) {
  std::map<std::string, std::string> came_from;
  std::deque<std::string> queue{node};
  while (!queue.empty()) {
    std::string const at = queue.front();
    queue.pop_front();
    auto const arrows = graph.find(at);
    if (arrows == graph.end()) continue;
    for (auto const& [next, note] : arrows->second) {
      if (next == node) {
        std::vector<std::string> cycle{at};
        while (cycle.back() != node) {
          cycle.push_back(came_from.at(cycle.back()));
        }
        std::reverse(cycle.begin(), cycle.end());
        return cycle;
      }
      if (came_from.emplace(next, at).second) queue.push_back(next);
    }
  }
  return {};
}

std::set<std::string> reachable_from(Graph const& graph, std::string const& node) {
  std::set<std::string> reached;
  std::vector<std::string> pending{node};
  while (!pending.empty()) {
    std::string const at = pending.back();
    pending.pop_back();
    auto const arrows = graph.find(at);
    if (arrows == graph.end()) continue;
    for (auto const& [next, note] : arrows->second) {
      if (reached.insert(next).second) pending.push_back(next);
    }
  }
  return reached;
}

}  // namespace

std::vector<std::vector<std::string>> find_cycles(Graph const& graph) {
  std::map<std::string, std::set<std::string>> reached;
  for (auto const& [node, arrows] : graph) {
    reached[node] = reachable_from(graph, node);
  }
  std::set<std::string> done;
  std::vector<std::vector<std::string>> cycles;
  for (auto const& [node, from_here] : reached) {
    if (!from_here.contains(node) || done.contains(node)) continue;
    std::vector<std::string> shortest;
    for (auto const& [other, from_there] : reached) {  // the nodes of this node's component
      if (!from_here.contains(other) || !from_there.contains(node)) continue;
      done.insert(other);
      std::vector<std::string> cycle = cycle_through(graph, other);
      if (shortest.empty() || cycle.size() < shortest.size()) shortest = std::move(cycle);
    }
    cycles.push_back(std::move(shortest));
  }
  return cycles;
}

}  // namespace layers
