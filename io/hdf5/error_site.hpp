#pragma once

#include <farm/error.hpp>

#include <string>
#include <string_view>

namespace farm::detail {

/// What an error is about.
struct ErrorSite {
  std::string file;
  std::string dataset{};  ///< empty: the file as such
};

/// "file, dataset '/data': text", on one line.
[[nodiscard]] StageError stage_error(ErrorSite const& place, std::string_view text);

/// The same, with the text of an errno.
[[nodiscard]] StageError system_error(ErrorSite const& place, std::string_view text, int error);

}  // namespace farm::detail
