#pragma once

#include <farm/stage_options.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "io/dataset.hpp"

namespace farm::detail {

/// All of a staged array's file but its elements and checksums, as HDF5 makes it in a small file of its own. So the
/// array's file may be one that is there already, with its pages, and HDF5 never meets a disk that the elements fill.
struct FileImage {
  struct Part {
    std::uint64_t offset = 0;
    std::vector<char> bytes{};
  };
  std::vector<Part> parts{};
  std::uint64_t size = 0;
  std::uint64_t data_offset = 0;       ///< where the elements belong
  std::uint64_t checksums_offset = 0;  ///< 0: there are none
};

/// Where the elements of an array of so many bytes, 64 KiB or more, begin. Where there are many, at a large page, since
/// file systems with such pages (ext4 from Linux 6.16 on) map them at once, and an array of 64 MiB by 32 faults in
/// place of 16,384.
[[nodiscard]] constexpr std::uint64_t data_offset_of(std::uint64_t bytes) {
  constexpr std::uint64_t many = std::uint64_t{8} << 20U;
  return bytes < many ? std::uint64_t{64} << 10U : std::uint64_t{2} << 20U;
}

/// `head` is the small file: made and removed. `place` is for errors. Throws StageError.
[[nodiscard]] FileImage make_image(std::string const& head, Place const& place, ElementType type,
                                   Extents const& extents, int ranks, StageOptions const& options,
                                   std::uint64_t stripes);

}  // namespace farm::detail
