#include "spawn/program/output.hpp"

#include <farm/detail/log.hpp>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace farm::detail {

void complain(std::string_view text) {
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

void print_out(std::string const& text, bool now) {
  bool const good =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && (!now || std::fflush(stdout) == 0);
  if (!good) throw std::system_error(errno, std::generic_category(), "cannot write to the standard output");
}

}  // namespace farm::detail
