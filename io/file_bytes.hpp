#pragma once

#include <cstdint>
#include <memory>

#include "io/place.hpp"

/// Bytes of a file, without HDF5.
namespace farm::detail {

/// Read-only; unmapped when the last copy goes. Throws StageError where the file has not so many bytes.
[[nodiscard]] std::shared_ptr<void const> map_file(Place const& place, std::uint64_t offset, std::uint64_t bytes);

/// Throws StageError where the file has not so many bytes.
void read_file(Place const& place, std::uint64_t offset, std::uint64_t bytes, void* out);

/// Of an existing file, which grows where that is needed.
void write_file(Place const& place, std::uint64_t offset, std::uint64_t bytes, void const* from);

/// Throws StageError unless the file has these bytes there.
void compare_file(Place const& place, std::uint64_t offset, std::uint64_t bytes, void const* expected);

/// Takes the room on the disk, where the file system can do so: afterwards writing there does not find the disk full.
void reserve_file(Place const& place, std::uint64_t offset, std::uint64_t bytes);

/// Makes what was written durable: a file, or the names in a directory.
void sync_path(Place const& place);

}  // namespace farm::detail
