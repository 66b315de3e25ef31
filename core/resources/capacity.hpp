#pragma once

#include "core/resources/request.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace farm::detail {

/// What there is for groups, on one host or on all together.
struct Capacity {
  std::optional<std::int64_t> cores{};  ///< none: not known, and not limited
  std::int64_t gpus = 0;
  std::optional<std::int64_t> memory{};  ///< in bytes; none: not known, and not limited
  std::vector<NamedAmount> named{};      ///< by name
};

}  // namespace farm::detail
