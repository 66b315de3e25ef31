#pragma once

#include <string>

namespace farm::detail {

/// Removes the byte order mark of UTF-8, if the first line of a file begins with one: some editors write it.
void remove_byte_order_mark(std::string& first_line);

}  // namespace farm::detail
