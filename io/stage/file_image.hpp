#pragma once

#include <farm/element.hpp>
#include <farm/extents.hpp>
#include <farm/stage_options.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/hdf5/error_site.hpp"

namespace farm::detail {

/// All bytes of a staged array's file except elements and checksums. HDF5 makes them in a small scratch file. So an
/// array can reuse the pages of an existing file, and HDF5 never works on a disk that the elements may fill.
struct FileImage {
  struct Part {
    std::uint64_t offset = 0;
    std::vector<char> bytes{};
  };
  std::vector<Part> parts{};
  std::uint64_t number = 0;            ///< identifies the image within this process
  std::uint64_t size = 0;              ///< size of the file
  std::uint64_t data_offset = 0;       ///< file offset of the elements
  std::uint64_t checksums_offset = 0;  ///< file offset of the checksums; 0: none
};

/// Returns the file offset of the elements of an array of 64 KiB or more. Large arrays begin at a large page: file
/// systems with large pages (ext4 from Linux 6.16 on) then map an array of 64 MiB with 32 page faults instead of
/// 16,384.
[[nodiscard]] constexpr std::uint64_t data_offset_of(std::uint64_t bytes) {
  constexpr std::uint64_t many = std::uint64_t{8} << 20U;
  return bytes < many ? std::uint64_t{64} << 10U : std::uint64_t{2} << 20U;
}

/// Returns the image for arrays of this type, extents, ranks, attributes and number of stripes. Images are cached:
/// making one takes as long as writing 2 MiB. `scratch` is the path of the scratch file, which is made if necessary and
/// removed. `site` is named in errors. Throws StageError. Thread-safe.
[[nodiscard]] std::shared_ptr<FileImage const> find_image(std::string const& scratch, ErrorSite const& site,
                                                          ElementType type, Extents const& extents, int ranks,
                                                          StageOptions const& options, std::uint64_t stripes);

/// Marks the image with this number: HDF5 has read back a file made from it. Thread-safe.
void set_verified(std::uint64_t number);
/// Returns the image with this number if it has been marked by set_verified(), else null. Thread-safe.
[[nodiscard]] std::shared_ptr<FileImage const> verified_image(std::uint64_t number);

}  // namespace farm::detail
