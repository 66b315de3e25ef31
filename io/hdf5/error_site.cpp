#include "io/hdf5/error_site.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace farm::detail {

StageError stage_error(ErrorSite const& site, std::string_view text) {
  auto line = site.dataset.empty() ? fmt::format("{}: {}", site.file, text)
                                   : fmt::format("{}, dataset '{}': {}", site.file, site.dataset, text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return StageError(line);
}

StageError system_error(ErrorSite const& site, std::string_view text, int error) {
  return stage_error(site, fmt::format("{}: {}", text, std::generic_category().message(error)));
}

}  // namespace farm::detail
