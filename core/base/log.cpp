#include <farm/detail/log.hpp>

#include "core/base/status_line.hpp"
#include "core/text/exception_text.hpp"

#include <cstdio>
#include <string>

namespace farm::detail {

void log_error(std::string_view text) noexcept try {
  std::string line;
  line.reserve(text.size() + 7);
  line.append("farm: ").append(text).append("\n");
  remove_status_line();
  std::fwrite(line.data(), 1, line.size(), stderr);  // one write, so that threads do not mix their lines
} catch (...) {
  std::fputs("farm: out of memory while reporting an error\n", stderr);
}

void log_current_exception(char const* where) noexcept try {
  log_error(std::string{"ignored an exception that left "} + where + ": " + current_exception_text());
} catch (...) {
  log_error(where);
}

}  // namespace farm::detail
