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

/// Makes what was written durable: a file, or the names in a directory.
void sync_path(Place const& place);

}  // namespace farm::detail
