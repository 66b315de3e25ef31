#include <farm/detail/log.hpp>

#include <cstdio>
#include <string>

namespace farm::detail {

void log_error(std::string_view text) noexcept try {
  std::string line;
  line.reserve(text.size() + 7);
  line.append("farm: ").append(text).append("\n");
  std::fwrite(line.data(), 1, line.size(), stderr);  // one write, so that lines of several threads do not mix
} catch (...) {
  std::fputs("farm: out of memory while reporting an error\n", stderr);
}

}  // namespace farm::detail
