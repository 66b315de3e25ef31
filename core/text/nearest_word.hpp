#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// Returns the word that is nearest to `typed`: the fewest letters inserted, left out, replaced or swapped with their
/// neighbour. Case does not count. Returns an empty string if no word is near enough to be what the user meant.
[[nodiscard]] std::string nearest_word(std::string_view typed, std::vector<std::string> const& words);

/// Returns "unknown task 'clac': did you mean 'calc'?", or, if no word is near, "unknown task 'x': there are a, b, c".
[[nodiscard]] std::string unknown_word(std::string_view kind, std::string_view typed,
                                       std::vector<std::string> const& words);

}  // namespace farm::detail
