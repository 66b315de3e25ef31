#pragma once

#include "core/task/task.hpp"

#include <farm/detail/packed_call.hpp>

namespace farm::detail {

/// Gives the task its call. A call that is too large for a frame is staged, and its file is kept until the task is
/// done. Throws StageError, and UsageError if no stage directory is known.
void set_call(Task& task, PackedCall call);

}  // namespace farm::detail
