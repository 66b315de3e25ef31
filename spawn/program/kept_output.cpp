#include "spawn/program/kept_output.hpp"

#include "spawn/environment/worker_environment.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <string_view>

namespace farm::detail {
namespace {

int results = STDOUT_FILENO;
bool is_kept = false;

bool has_json_option(int argc, char const* const* argv) {
  for (int i = 1; i < argc; ++i) {
    std::string_view const word{argv[i]};
    if (word == "--") return false;
    if (word == "--json") return true;
  }
  return false;
}

bool has_variable(char const* const* environment, std::string_view name) {
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    std::string_view const line{*environment};
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=') return true;
  }
  return false;
}

}  // namespace

void keep_output(int argc, char const* const* argv, char const* const* environment) noexcept {
  if (is_kept) return;
  bool const is_rank = has_variable(environment, worker_variable);
  if (is_rank ? !has_variable(environment, output_variable) : !has_json_option(argc, argv)) return;
  is_kept = true;
  results = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) return;
  int const nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);  // the standard error is closed
  if (nothing >= 0) dup2(nothing, STDOUT_FILENO);
}

bool output_is_kept() noexcept { return is_kept; }

int results_output() noexcept { return results; }

}  // namespace farm::detail
