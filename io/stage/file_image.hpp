#pragma once

#include <farm/stage_options.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/hdf5/dataset.hpp"

namespace farm::detail {

/// All of a staged array's file but its elements and checksums, as HDF5 makes it in a small file of its own. So the
/// array's file may be one that is there already, with its pages, and HDF5 never meets a disk that the elements fill.
struct FileImage {
  struct Part {
    std::uint64_t offset = 0;
    std::vector<char> bytes{};
  };
  std::vector<Part> parts{};
  std::uint64_t number = 0;  ///< its own in this process
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

/// Arrays of the same type, extents and story have the same image, which is kept for the next one: making it takes as
/// long as writing 2 MiB. `head` is the small file: made, where it is needed, and removed. `place` is for errors.
/// Throws StageError. Thread-safe, as all that follows.
[[nodiscard]] std::shared_ptr<FileImage const> find_image(std::string const& head, ErrorSite const& place,
                                                          ElementType type, Extents const& extents, int ranks,
                                                          StageOptions const& options, std::uint64_t stripes);

/// HDF5 has found in a file of the image with this number what should be there.
void set_proven(std::uint64_t number);
/// That image; null: it is not known that HDF5 has.
[[nodiscard]] std::shared_ptr<FileImage const> proven_image(std::uint64_t number);

}  // namespace farm::detail
