#pragma once

#include "spawn/program/service/top/top_state.hpp"
#include "spawn/program/service/top/top_view.hpp"

#include <string>
#include <vector>

namespace farm::detail {

/// Returns the lines that show the state: `view.height` of them at most, each at most `view.width` columns wide,
/// without line breaks. `problem` says why the state is not of this moment; empty: it is. Has no effect on anything.
[[nodiscard]] std::vector<std::string> top_lines(TopState const& state, TopView const& view,
                                                 std::string const& problem = {});

}  // namespace farm::detail
