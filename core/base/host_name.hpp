#pragma once

#include <string>

namespace farm::detail {

/// Returns the name of this host as the kernel has it, at most 255 bytes. Thread-safe.
[[nodiscard]] std::string host_name();

}  // namespace farm::detail
