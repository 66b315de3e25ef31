#include <farm/detail/log.hpp>

#include <cstdio>
#include <exception>
#include <string>

namespace farm::detail {

void log_error(std::string_view text) noexcept try {
  std::string line;
  line.reserve(text.size() + 7);
  line.append("farm: ").append(text).append("\n");
  std::fwrite(line.data(), 1, line.size(), stderr);  // one write, so that threads do not mix their lines
} catch (...) {
  std::fputs("farm: out of memory while reporting an error\n", stderr);
}

void log_current_exception(char const* where) noexcept try {
  auto text = std::string{"ignored an exception that left "} + where;
  try {
    throw;
  } catch (std::exception const& error) {
    log_error(text + ": " + error.what());
  } catch (...) {
    log_error(text);
  }
} catch (...) {
  log_error(where);
}

}  // namespace farm::detail
