#pragma once

#include <cstdint>
#include <string_view>

namespace farm::detail {

/// Writes what another process has printed to the same stream of this process, and flushes it. Stream 1 is stdout, 2 is
/// stderr.
void print_output(std::uint64_t stream, std::string_view text);

}  // namespace farm::detail
