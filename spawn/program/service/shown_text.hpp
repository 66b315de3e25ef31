#pragma once

#include <optional>
#include <string>
#include <string_view>

/// How the commands show what others have written, and times.
namespace farm::detail {

/// Returns the text in one line: line breaks and all else that would change how a terminal shows it is escaped, as in
/// C: "\n", "\x1b", "\u202e". A backslash is doubled.
[[nodiscard]] std::string one_line(std::string_view text);

/// Returns the text in one line of at most `most` characters, which ends in "..." if it is longer.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t most);

/// Returns a time as this host's clocks show it: "2026-11-27 10:24:42". "-" if there is none.
[[nodiscard]] std::string moment_text(std::optional<double> seconds_since_1970);

/// Returns "1 task", "5 tasks".
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view word);

}  // namespace farm::detail
