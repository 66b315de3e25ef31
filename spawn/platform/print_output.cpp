#include "spawn/platform/print_output.hpp"

#include "core/base/status_line.hpp"

#include <cstdio>

namespace farm::detail {

void print_output(std::uint64_t stream, std::string_view text) {
  remove_status_line();
  auto* const file = stream == 1 ? stdout : stderr;
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

}  // namespace farm::detail
