#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace farm::detail::http {

/// What the head of a response is made of.
struct ResponseHead {
  int status = 200;
  std::string_view type{};  ///< empty: there is no body
  /// Of the body; none: the body is in chunks, or ends with the connection.
  std::optional<std::size_t> length{};
  bool in_chunks = false;
  bool keep_alive = true;
  bool is_1_1 = true;  ///< the request was HTTP/1.1
};

/// Returns the bytes of the head. `fields` are added to it; line ends in them become blanks. Of the fields that each
/// response has, Cache-Control gives way to one in `fields`.
[[nodiscard]] std::string response_head(ResponseHead const& head, std::map<std::string, std::string> const& fields);

/// Returns the words for a status: "Not Found".
[[nodiscard]] std::string_view status_text(int status);

}  // namespace farm::detail::http
