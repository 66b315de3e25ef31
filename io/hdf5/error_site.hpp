#pragma once

#include <farm/error.hpp>

#include <string>
#include <string_view>

namespace farm::detail {

/// The file, and possibly the dataset, that an error message is about.
struct ErrorSite {
  std::string file;
  std::string dataset{};  ///< empty: the file as a whole
};

/// Returns an error that says "file, dataset '/data': text" on one line.
[[nodiscard]] StageError stage_error(ErrorSite const& site, std::string_view text);

/// As above, followed by the text of an errno value.
[[nodiscard]] StageError system_error(ErrorSite const& site, std::string_view text, int error);

}  // namespace farm::detail
