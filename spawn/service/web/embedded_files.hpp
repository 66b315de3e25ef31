#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace farm::detail {

/// Returns the names and bytes of the files that .cmake/embed.cmake has put into the program. Its source is made when
/// farm is built.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> const& embedded_files();

}  // namespace farm::detail
