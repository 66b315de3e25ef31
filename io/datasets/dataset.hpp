#pragma once

#include <farm/detail/array_info.hpp>

#include <cstdint>

#include "io/hdf5/hdf5.hpp"

/// Datasets of HDF5 files, accessed by this process alone. All functions but site_of() require an Hdf5Lock and throw
/// StageError.
namespace farm::detail {

[[nodiscard]] inline ErrorSite site_of(ArrayInfo const& info) { return {info.file, info.dataset}; }
/// As above, but names the file that holds the elements.
[[nodiscard]] inline ErrorSite data_site_of(ArrayInfo const& info) {
  return {info.data_file.empty() ? info.file : info.data_file, info.dataset};
}

/// Opens a file read-only, and flushes what this process has written to it. If the file does not exist or may not be
/// read, the error has the system's text, which says more than HDF5's. `lock`: whether HDF5 locks the file, if the file
/// system has locks.
[[nodiscard]] FileHandle open_file(ErrorSite const& site, bool lock);
/// Opens a file for writing (H5F_ACC_RDWR) or creates it (H5F_ACC_TRUNC). New datasets begin at a page, so that they
/// can be mapped.
[[nodiscard]] FileHandle open_file_to_write(ErrorSite const& site, unsigned mode, bool lock);

/// Where HDF5 puts a new object in the file: objects of `smallest` bytes or more begin at a multiple of `multiple`.
struct Alignment {
  std::uint64_t smallest = 1;
  std::uint64_t multiple = 4096;
};
/// Creates a file that only this process uses. Replaces an existing file.
[[nodiscard]] FileHandle create_file(ErrorSite const& site, Alignment alignment);
/// Opens a dataset. Files behind external links are opened read-only, unless `write`.
[[nodiscard]] DatasetHandle open_dataset(hid_t file, ErrorSite const& site, bool write = false);

/// Opens the dataset of an array as open_array() found it: relative names of external files refer to the directory to
/// which they referred then.
[[nodiscard]] DatasetHandle open_dataset_of(hid_t file, ArrayInfo const& info);

/// Returns the extents of a dataset. Throws StageError unless there are 1 to 8.
[[nodiscard]] Extents extents_of(hid_t dataset, ErrorSite const& site);

/// Returns the info of a dataset, except `data_file` and `external_directory`. Throws StageError unless the dataset is
/// an array of this type.
[[nodiscard]] ArrayInfo describe(hid_t dataset, ErrorSite const& site, ElementType type);

/// Creates a contiguous dataset of the native type. HDF5 assigns its position in the file at once but does not fill it:
/// elements are undefined until they are written.
[[nodiscard]] DatasetHandle create_dataset(hid_t file, ErrorSite const& site, ElementType type, Extents const& extents);

/// Reads a block through HDF5, at most transfer_limit bytes at a time.
void read_block(hid_t dataset, ErrorSite const& site, ElementType type, Extents const& offset, Extents const& count,
                void* elements);

}  // namespace farm::detail
