#pragma once

#include <optional>
#include <string_view>

namespace farm::detail {

/// Returns the number that the text is, if the number is above 0 and there is nothing else in the text.
[[nodiscard]] std::optional<int> number_in(std::string_view text);

}  // namespace farm::detail
