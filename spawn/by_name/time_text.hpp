#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Times as users write and read them.
namespace farm::detail {

/// Returns the seconds that the text is: "90", "0.5", "90s", "500ms", "10m", "1h30m", "2d". A number without a unit is
/// seconds. None if the text is no time, or is not finite; a time may be 0 or less.
[[nodiscard]] std::optional<double> read_time(std::string_view text);

/// Returns the time in two units at most, as "0.25 s", "12 s", "1m 30s", "1h 30m" or "2d 3h".
[[nodiscard]] std::string time_text(double seconds);

}  // namespace farm::detail
