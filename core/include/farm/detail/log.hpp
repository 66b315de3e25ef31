#pragma once

#include <string_view>

namespace farm::detail {

/// Writes "farm: <text>" as one line to stderr, for failures that nobody can be told of otherwise. Thread-safe, does
/// not throw.
void log_error(std::string_view text) noexcept;

}  // namespace farm::detail
