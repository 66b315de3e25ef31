#pragma once

#include <farm/detail/future_state.hpp>

#include <cstddef>
#include <vector>

namespace farm::detail {

/// The states that a task waits for, and for each the number, from 1, of the argument that it belongs to.
struct ArgumentSources {
  std::vector<StatePtr> states{};
  std::vector<std::size_t> arguments{};
};

}  // namespace farm::detail
