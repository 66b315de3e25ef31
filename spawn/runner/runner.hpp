#pragma once

#include "core/base/descriptor.hpp"

#include <sys/types.h>

namespace farm::detail {

/// A running runner: the process that starts programs for a rank.
struct StartedRunner {
  Descriptor socket;  ///< the rank's end
  pid_t process = -1;
};

/// Starts the runner of this process. It is no child of this process, so that tasks may wait for all children of
/// theirs. It has a session of its own, and outlives neither this process nor a broken socket: then it ends its program
/// and what that has left behind, and leaves. Throws std::system_error.
[[nodiscard]] StartedRunner start_runner();

}  // namespace farm::detail
