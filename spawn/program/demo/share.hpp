#pragma once

#include <cstdint>

namespace farm::demo {

/// Returns the index of the first of `count` items that belong to `rank`. Its items end where those of rank + 1 begin.
inline int part_begin(int count, int rank, int ranks) { return static_cast<int>(std::int64_t{count} * rank / ranks); }

}  // namespace farm::demo
