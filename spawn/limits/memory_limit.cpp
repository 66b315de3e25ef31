#include "spawn/limits/memory_limit.hpp"

#include "spawn/limits/control_group.hpp"

#include <algorithm>
#include <fstream>

namespace farm::detail {

std::optional<std::int64_t> memory_limit(std::filesystem::path const& root) {
  constexpr std::int64_t unlimited = std::int64_t{1} << 60U;  // version 1 has a number of pages in place of "max"
  std::optional<std::int64_t> least;
  for (auto const& [directory, version] : control_groups("memory", root)) {
    bool const is_first = version == ControlGroup::Version::one;
    std::ifstream file{directory / (is_first ? "memory.limit_in_bytes" : "memory.max")};
    std::int64_t bytes = 0;
    if (file >> bytes && bytes > 0 && bytes < unlimited) least = std::min(least.value_or(bytes), bytes);
  }
  return least;
}

}  // namespace farm::detail
