#pragma once

#include <string>
#include <vector>

namespace farm::detail {

/// Returns the command line of this process, the program's name first.
[[nodiscard]] std::vector<std::string> command_line();

/// Returns the command line of another process, by its number; empty if there is no such process.
[[nodiscard]] std::vector<std::string> command_line_of(std::string const& process);

/// Returns the arguments with which this process was started, without the program's name, as /proc/self/cmdline has
/// them: whatever main has done to its argv.
[[nodiscard]] std::vector<std::string> program_arguments();

/// Returns a command line or an environment as execve() takes it: a pointer to each text, and a null pointer. The texts
/// must outlive the list.
[[nodiscard]] std::vector<char*> execution_list(std::vector<std::string> const& texts);

}  // namespace farm::detail
