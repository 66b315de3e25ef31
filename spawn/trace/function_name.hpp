#pragma once

#include <farm/detail/code_address.hpp>

#include <string>
#include <string_view>

namespace farm::detail {

/// What a task's function is called in the program's symbol table, without its parameters: for who reads it, not to
/// find it by. "task" where there is no such table. Thread-safe; slow for each new function.
[[nodiscard]] std::string function_name(CodeAddress code, std::string_view packed_call);

}  // namespace farm::detail
