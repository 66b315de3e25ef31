#pragma once

#include <farm/detail/code_address.hpp>

#include <string>
#include <string_view>

namespace farm::detail {

/// Returns the name of a task's function, without its parameters, from the program's symbol table; "task" if there is
/// no such table. The name is for display: it need not be unique. Thread-safe. The first call for a function is slow,
/// since it reads the program's file.
[[nodiscard]] std::string function_name(CodeAddress code, std::string_view packed_call);

}  // namespace farm::detail
