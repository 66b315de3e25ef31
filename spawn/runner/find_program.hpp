#pragma once

#include <string>
#include <vector>

namespace farm::detail {

/// Returns the path of the program that a command names: as execvp() finds it, but relative to `directory`. `path` is
/// the value of PATH. Throws UsageError, which says what is wrong and suggests the nearest name, if there is no such
/// program, or if it may not be executed.
[[nodiscard]] std::string find_program(std::string const& name, std::string const& path, std::string const& directory);

/// Returns the text of an error of execve() for a program that find_program() has found.
[[nodiscard]] std::string execution_failure(std::string const& file, int error);

/// Returns the value of a variable in an environment of lines NAME=value; empty if it is not there.
[[nodiscard]] std::string value_in(std::vector<std::string> const& environment, std::string const& name);

}  // namespace farm::detail
