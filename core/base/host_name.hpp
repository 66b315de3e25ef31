#pragma once

#include <string>

namespace farm::detail {

/// Returns the name of this host as the kernel knows it, at most 255 bytes; "unknown" if the kernel returns none.
/// Thread-safe.
[[nodiscard]] std::string host_name();

}  // namespace farm::detail
