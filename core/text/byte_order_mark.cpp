#include "core/text/byte_order_mark.hpp"

#include <string_view>

namespace farm::detail {

void remove_byte_order_mark(std::string& first_line) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (first_line.starts_with(mark)) first_line.erase(0, mark.size());
}

}  // namespace farm::detail
