#pragma once

#include "spawn/program/command.hpp"

namespace farm::detail {

/// Parses the command line and runs its subcommand. Returns the exit status. Throws TypingError if the command line is
/// wrong, and what the command throws.
int run_command_line(ProgramArguments arguments);

}  // namespace farm::detail
