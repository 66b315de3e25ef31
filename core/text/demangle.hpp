#pragma once

#include <string>

namespace farm::detail {

/// Returns the name of a type as one writes it in C++. A type that std::throw_with_nested has wrapped has its own name.
[[nodiscard]] std::string demangle(char const* name);

}  // namespace farm::detail
