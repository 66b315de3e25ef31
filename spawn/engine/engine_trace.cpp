#include "spawn/engine/engine_trace.hpp"

#include <cstddef>
#include <string>

namespace farm::detail {

std::vector<std::string> EngineTrace::hosts_of(Group const& group) {
  std::vector<std::string> hosts;
  hosts.reserve(static_cast<std::size_t>(group.ranks()));
  for (int rank = 0; rank < group.ranks(); ++rank) hosts.push_back(group.host(rank));
  return hosts;
}

}  // namespace farm::detail
