#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Strings that JSON cannot hold: their bytes are not UTF-8.
namespace farm::detail {

[[nodiscard]] bool is_utf8(std::string_view text);

/// Returns the bytes in base64: "\xff\xfe" becomes "//4=".
[[nodiscard]] std::string to_base64(std::string_view bytes);

/// Returns the bytes that to_base64() was given; none if the text is not base64.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace farm::detail
