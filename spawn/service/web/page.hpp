#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace farm::detail {

/// A file of the web page.
struct WebFile {
  std::string_view type{};                       ///< "text/html; charset=utf-8"
  std::string_view bytes{};                      ///< embedded into the program: always valid
  std::map<std::string, std::string> headers{};  ///< what a browser must know to keep the page safe
};

/// Returns the file that the page has at a path: "/" or "/page.js"; none if it has none there. Thread-safe.
[[nodiscard]] std::optional<WebFile> web_file(std::string_view path);

}  // namespace farm::detail
