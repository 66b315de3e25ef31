#pragma once

#include "spawn/runner/runner_messages.hpp"

#include <functional>

namespace farm::detail {

/// Runs a program by the runner of this process, which the first call starts. Blocks until nothing of the program is
/// left. `is_to_stop` is asked from time to time; once it returns true, the program is stopped. Throws
/// std::runtime_error if the runner was killed; the next call then starts another one. Thread-safe: one program runs at
/// a time.
[[nodiscard]] ProgramEnd run_by_runner(ProgramStart const& start, std::function<bool()> const& is_to_stop);

}  // namespace farm::detail
