#pragma once

#include "io/files/hash.hpp"

#include <farm/detail/array_info.hpp>

namespace farm::detail {

/// Returns the hash of an array's elements as they lie in memory, in order: the same for the same elements, whatever
/// file they are in, and however they are stored there. Reads the file, unless this process has read it before and it
/// has not changed since. Throws StageError if the array cannot be read. Thread-safe.
[[nodiscard]] WideHash digest_of(ArrayInfo const& info);

}  // namespace farm::detail
