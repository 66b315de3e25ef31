#pragma once

#include "spawn/program/command.hpp"
#include "spawn/program/map/map_arguments.hpp"

#include <farm/detail/named_task.hpp>

namespace farm::detail {

/// Runs the task for each input, shows the results, and returns the exit status. Checks all inputs that can be read
/// twice before it makes the Runtime. Throws what a Command may throw.
[[nodiscard]] int map_inputs(NamedTask const& task, MapArguments const& arguments, ProgramArguments program);

}  // namespace farm::detail
