#pragma once

#include <map>
#include <string>
#include <vector>

namespace layers {

/// A directed graph: node -> the nodes that it points to, each with a note about the arrow.
using Graph = std::map<std::string, std::map<std::string, std::string>>;

/// Returns the shortest cycle of each strongly connected component that has several nodes, as the nodes in their order.
std::vector<std::vector<std::string>> find_cycles(Graph const& graph);

}  // namespace layers
