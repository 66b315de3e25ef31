#pragma once

#include <string>
#include <string_view>

/// What the commands print.
namespace farm::detail {

/// Writes the text as one line to the standard error. Line breaks in it become blanks.
void complain(std::string_view text);

/// Writes the text to the standard output, and flushes it if `now` is true. Throws std::system_error.
void print_out(std::string const& text, bool now = false);

}  // namespace farm::detail
