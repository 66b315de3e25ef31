#pragma once

#include <string_view>

namespace farm::detail {

/// Writes "farm: <text>" as one line to stderr, for failures that cannot be reported in any other way. Thread-safe.
void log_error(std::string_view text) noexcept;

/// Logs the exception being handled as one that left `where`, such as "a callback of a future". Call it in a catch
/// block.
void log_current_exception(char const* where) noexcept;

}  // namespace farm::detail
