#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>

#include <fmt/format.h>

#include "io/dataset.hpp"
#include "io/staged_file.hpp"

namespace farm::detail {
namespace {

/// The info of the array in the part.
ArrayInfo write_part(StagedName const& name, ElementType type, Extents const& extents, void const* elements) {
  Place const place{name.part, staged_dataset};
  Hdf5Lock const lock;
  auto const access = file_access(false);
  align_to_pages(access);
  FileHandle file{
      check_hdf5(H5Fcreate(name.part.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), place, "cannot be made")};
  auto dataset = create_dataset(file, place, type, extents);
  auto info = describe(dataset, place, type);
  write_block(dataset, place, type, Extents(extents.size()), extents, elements);
  check_hdf5(dataset.reset(), place, "cannot be closed");
  check_hdf5(file.reset(), place, "cannot be closed");
  return info;
}

}  // namespace

ArrayInfo stage_elements(void const* elements, ElementType type, Extents extents, StageOptions const& options) {
  check_extents(extents, element_size(type));
  auto const bytes = element_count(extents) * element_size(type);
  if (bytes == 0 || bytes < options.threshold) {
    return {.dataset = staged_dataset,
            .type = type,
            .extents = std::move(extents),
            .inline_data = std::string(static_cast<char const*>(elements), bytes)};
  }
  auto const name = begin_staged_file(options, bytes);
  try {
    auto info = write_part(name, type, extents, elements);
    auto const stripes = options.checksum && checksums_wanted()
                             ? hash_stripes(0, extents[0], bytes / extents[0], elements)
                             : std::vector<Stripe>{};
    return complete_staged_file(name, std::move(info), 1, options, stripes);
  } catch (...) {
    abandon_staged_file(name);
    throw;
  }
}

void check_count(std::size_t elements, Extents const& extents) {
  if (elements != element_count(extents))
    throw UsageError(fmt::format("{} values for an array of {} elements", elements, element_count(extents)));
}

}  // namespace farm::detail
