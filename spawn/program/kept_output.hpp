#pragma once

/// Standard output that holds nothing but what a command prints.
namespace farm::detail {

/// If the command line has --json, or if the master of this rank says so, makes everything that this process prints on
/// its standard output go to its standard error: libraries, tasks and initializers print there as well. Only
/// results_output() still leads to the standard output. Later calls change nothing.
///
/// May be called before constructors of static objects have run: uses the arguments alone, and system calls.
void keep_output(int argc, char const* const* argv, char const* const* environment) noexcept;

/// Returns true if keep_output() has redirected the standard output.
[[nodiscard]] bool output_is_kept() noexcept;

/// Returns the descriptor of the standard output that this process was started with.
[[nodiscard]] int results_output() noexcept;

}  // namespace farm::detail
