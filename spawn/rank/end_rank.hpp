#pragma once

#include <string_view>

namespace farm::detail {

/// Flushes the output of this rank and ends its process with this status. The guard reports `note` as the reason.
[[noreturn]] void end_rank(std::string_view note, int status);

}  // namespace farm::detail
