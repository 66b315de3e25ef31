#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Sizes of memory, as users write and read them.
namespace farm::detail {

/// Returns the size in bytes that the text is: "2GiB", "512 MiB", "1.5G", "1000". K, M, G and T are powers of 1024,
/// with or without B or iB after them, in any case. None if the text is no size, or is negative, or has more than 63
/// bits.
[[nodiscard]] std::optional<std::int64_t> read_memory(std::string_view text);

/// Returns "2 GiB", "1.5 GiB" or "512 bytes".
[[nodiscard]] std::string memory_text(std::int64_t bytes);

}  // namespace farm::detail
