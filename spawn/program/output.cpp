#include "spawn/program/output.hpp"

#include "spawn/environment/launched_as.hpp"
#include "spawn/environment/worker_environment.hpp"
#include "spawn/program/kept_output.hpp"

#include <farm/detail/log.hpp>

#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace farm::detail {
namespace {

/// Returns null if the output cannot be opened.
std::FILE* results_file() {
  static std::FILE* const file = results_output() == STDOUT_FILENO ? stdout : fdopen(results_output(), "w");
  return file;
}

}  // namespace

bool is_silent() { return launched_as().rank > 0; }

void complain(std::string_view text) {
  if (is_silent()) return;
  std::string line;
  for (char const c : text) {
    if (c != '\n') {
      line += c;
    } else if (!line.ends_with(' ')) {
      line += ' ';
    }
  }
  log_error(line);
}

void print_error_line(std::string_view text) {
  if (is_silent()) return;
  auto const line = std::string{text} + '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void print_out(std::string const& text, bool now) {
  if (is_silent()) return;
  auto* const file = results_file();
  bool const good = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size() &&
                    (!now || std::fflush(file) == 0);
  if (!good) throw std::system_error(errno, std::generic_category(), "cannot write to the standard output");
}

void print_output_of_tasks(std::string const& text) {
  if (!output_is_kept()) return print_out(text);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void keep_output_of_ranks(WorkerOptions& workers) {
  if (output_is_kept()) workers.environment[output_variable] = "stderr";
}

}  // namespace farm::detail
