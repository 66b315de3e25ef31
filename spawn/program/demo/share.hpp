#pragma once

#include <cstdint>

namespace farm::demo {

/// The first of `count` things that are the part of `rank`; the part ends where that of the next rank begins.
inline int part_begin(int count, int rank, int ranks) { return static_cast<int>(std::int64_t{count} * rank / ranks); }

}  // namespace farm::demo
