#pragma once

#include <farm/detail/array_info.hpp>

#include <cstdint>

#include "io/hdf5/hdf5.hpp"

/// Datasets of HDF5 files, for this process alone. All of it under an Hdf5Lock.
namespace farm::detail {

[[nodiscard]] inline ErrorSite place_of(ArrayInfo const& info) { return {info.file, info.dataset}; }

/// Read-only. The system's own words where it is not there or may not be read.
[[nodiscard]] FileHandle open_file(ErrorSite const& place, bool lock);
/// Any other way: H5F_ACC_RDWR, or H5F_ACC_TRUNC to make it. New datasets begin at a page, so that they can be mapped.
[[nodiscard]] FileHandle open_file_to_write(ErrorSite const& place, unsigned mode, bool lock);

/// Where datasets of so many bytes or more begin.
struct Alignment {
  std::uint64_t smallest = 1;
  std::uint64_t multiple = 4096;
};
/// A new one of this process's, in place of what is there.
[[nodiscard]] FileHandle create_file(ErrorSite const& place, Alignment alignment);
[[nodiscard]] DatasetHandle open_dataset(hid_t file, ErrorSite const& place);

/// What the dataset is; throws StageError unless it is an array of this type.
[[nodiscard]] ArrayInfo describe(hid_t dataset, ErrorSite const& place, ElementType type);

/// Contiguous, of the native type, with its place in the file, not filled: what is not written is undefined.
[[nodiscard]] DatasetHandle create_dataset(hid_t file, ErrorSite const& place, ElementType type,
                                           Extents const& extents);

void read_block(hid_t dataset, ErrorSite const& place, ElementType type, Extents const& offset, Extents const& count,
                void* elements);

}  // namespace farm::detail
