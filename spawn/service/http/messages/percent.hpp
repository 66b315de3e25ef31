#pragma once

#include <map>
#include <string>
#include <string_view>

/// The target of a request, and percent-encoding in it.
namespace farm::detail::http {

struct Target {
  std::string path{};                          ///< decoded; begins with '/', or is "*"
  std::map<std::string, std::string> query{};  ///< decoded
};

/// Takes a target apart. Throws Refusal with status 400 if it is no path with a query, an escape is malformed or stands
/// for a NUL, or a name is twice in the query.
[[nodiscard]] Target read_target(std::string_view text);

/// Encodes a part of a path, or a name or value of a query.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace farm::detail::http
