#pragma once

#include <farm/detail/call_notes.hpp>
#include <farm/initializer.hpp>
#include <farm/options.hpp>
#include <farm/worker_options.hpp>

#include "spawn/cache/cache_key.hpp"

#include <cstddef>
#include <string_view>

/// The keys by which results of calls are found.
namespace farm::detail {

/// Adds the function of a call, whose identity is `function`, and what it holds if it is an object. Throws StageError.
void add_function(KeyHash& hash, CacheKey const& function, CallNotes const& notes, std::string_view bytes);

/// Adds the bytes `begin` to `end` of a call; in place of the handle of an array, its type, extents and elements.
/// Throws StageError if an array cannot be read.
void add_arguments(KeyHash& hash, CallNotes const& notes, std::string_view bytes, std::size_t begin, std::size_t end);

/// Returns a key of what a pool has for all of its tasks: the environment and the directory of its ranks, and its
/// initializer. Variables of the farm, FARM_..., are left out. Throws UsageError and StageError.
[[nodiscard]] CacheKey key_of_pool(WorkerOptions const& workers, Initializer const& initializer);

/// Returns a key of what the options of a task say about its environment and its directory.
[[nodiscard]] CacheKey key_of_settings(TaskOptions const& options);

}  // namespace farm::detail
