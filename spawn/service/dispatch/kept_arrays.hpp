#pragma once

#include "spawn/service/model/job.hpp"

#include <farm/detail/text_value.hpp>

#include <filesystem>

namespace farm::detail {

/// Keeps the arrays of a result: their files, which would go with the result, get a second name in `directory`, or are
/// copied if that is on another file system, and are synced to the disk. The value names the kept files from then on.
/// Files that are not of this run's stage stay where they are. Blocks for the disk. Throws std::system_error.
void keep_arrays(TextValue& value, TaskName task, std::filesystem::path const& directory);

}  // namespace farm::detail
