#include <farm/detail/span.hpp>
#include <farm/detail/stage_elements.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include "io/files/checksums.hpp"
#include "io/stage/staged_file.hpp"

namespace farm::detail {

void check_count(std::size_t elements, Extents const& extents) {
  if (elements != element_count(extents)) {
    throw UsageError(fmt::format("{} values were given for an array of {} elements", elements, element_count(extents)));
  }
}

ArrayInfo stage_elements(void const* elements, ElementType type, Extents extents, StageOptions const& options) {
  check_extents(extents, element_size(type));
  auto const bytes = element_count(extents) * element_size(type);
  if (bytes == 0 || bytes < options.threshold) {
    return {.dataset = StagedFile::dataset,
            .type = type,
            .extents = std::move(extents),
            .inline_data = std::string(static_cast<char const*>(elements), bytes)};
  }
  Span const span{"stage", bytes};
  auto const row_bytes = bytes / extents[0];
  bool const checksum = options.checksum && checksums_wanted();
  auto const file = begin_staged_file(options, type, extents, 1, checksum ? count_stripes(extents[0], row_bytes) : 0);
  try {
    complete_staged_file(file, write_rows(file, {0, extents[0], row_bytes, static_cast<char const*>(elements)}));
  } catch (...) {
    abandon_staged_file(file);
    throw;
  }
  return info_of(file);
}

}  // namespace farm::detail
