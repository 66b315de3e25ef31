#pragma once

#include <string_view>

/// The line of a terminal that a progress bar redraws in place, on the standard error. Messages of the farm remove it
/// first, so that they begin on a line of their own. Thread-safe.
namespace farm::detail {

/// Replaces the line by this text. Does nothing after end_status_line().
void show_status_line(std::string_view text) noexcept;
/// Removes the line, if it is shown.
void remove_status_line() noexcept;
/// Removes the line for good: the program ends.
void end_status_line() noexcept;

}  // namespace farm::detail
