#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// The one of `words` that is nearest to `typed`: fewest letters inserted, left out, replaced or swapped with their
/// neighbour. Empty where none is near enough to have been meant.
[[nodiscard]] std::string nearest_word(std::string_view typed, std::vector<std::string> const& words);

/// "unknown task 'clac': did you mean 'calc'?", or where none is near, "unknown task 'x': there are a, b, c".
[[nodiscard]] std::string unknown_word(std::string_view kind, std::string_view typed,
                                       std::vector<std::string> const& words);

}  // namespace farm::detail
