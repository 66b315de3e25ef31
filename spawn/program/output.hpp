#pragma once

#include <farm/worker_options.hpp>

#include <string>
#include <string_view>

/// What the commands print. If a launcher has started several processes of the program, only its first rank prints.
namespace farm::detail {

/// Returns true if another process of the job prints the same, so that this one prints nothing.
[[nodiscard]] bool is_silent();

/// Writes the text as one line to the standard error. Line breaks in it become blanks.
void complain(std::string_view text);

/// Writes the text as one line to the standard error, without the mark of an error.
void print_error_line(std::string_view text);

/// Writes the text to the standard output, and flushes it if `now` is true. Throws std::system_error, with EPIPE if
/// nobody reads the output any more.
void print_out(std::string const& text, bool now = false);

/// Writes what tasks have printed: to the standard output, or to the standard error if the standard output is kept for
/// JSON. Throws as print_out() does.
void print_output_of_tasks(std::string const& text);

/// If the standard output is kept for JSON, makes the ranks print on their standard error.
void keep_output_of_ranks(WorkerOptions& workers);

}  // namespace farm::detail
