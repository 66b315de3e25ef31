#pragma once

#include "spawn/cache/cache_directory.hpp"
#include "spawn/cache/result_entry.hpp"

#include <farm/serialize.hpp>

#include <vector>

/// The arrays of values, on their way into a cache and out of it. A file that the farm made for an array is linked or
/// copied, so that neither the stage nor the cache depends on how long the other keeps it.
namespace farm::detail {

/// Puts the files of the values' arrays beside the entry, and notes them in its header. `handles` tells for each value
/// where the handles are. The files must exist meanwhile. Throws StageError; then no file is left.
void keep_arrays(CacheDirectory const& cache, CacheKey const& key, ResultEntry& entry,
                 std::vector<std::vector<HandleRange>> const& handles);

/// Removes the files that belong to an entry.
void remove_arrays(CacheDirectory const& cache, CacheKey const& key, EntryHeader const& header) noexcept;

/// Makes the handles in the values refer to files of this run's stage, with what the cache has, and returns their
/// keepers. Verifies all elements. Throws DamagedEntry if a file is missing or is not as it was, and StageError if the
/// stage cannot take it; then no file is left.
[[nodiscard]] Keepers place_arrays(CacheDirectory const& cache, CacheKey const& key, ResultEntry& entry);

}  // namespace farm::detail
