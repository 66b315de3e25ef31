#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Floating point numbers as text, the same in every locale.
namespace farm::detail {

struct ReadNumber {
  double value = 0;
  bool is_in_range = true;  ///< false if the number is too large for a double; `value` is 0 then
};

/// Reads a number in any form that people write: 1.5, .5, +1e-3, 0x1p3, inf, -inf, nan. Blanks around the number are
/// ignored. Returns none if the text is anything else.
[[nodiscard]] std::optional<ReadNumber> read_number(std::string_view text);

/// Returns the shortest text that reads back as the same double: 0.1, -0, inf, -inf. Every NaN is nan, whatever its
/// sign.
[[nodiscard]] std::string number_text(double value);

}  // namespace farm::detail
