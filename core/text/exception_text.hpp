#pragma once

#include <exception>
#include <string>

/// The texts of exceptions of any type. Users' exceptions may have a null what(), and need not be a std::exception: use
/// these functions wherever such an exception may arrive.
namespace farm::detail {

/// Returns what() of an exception. If it is null, returns a text with the exception's type.
[[nodiscard]] std::string text_of(std::exception const& error);

/// Returns the text of the exception being handled, which may be of any type: text_of() a std::exception, else the type
/// and the value. Call it in a catch block.
[[nodiscard]] std::string current_exception_text();

/// Returns the type of the exception being handled. Call it in a catch block.
[[nodiscard]] std::string current_exception_type();

/// Returns the value of the exception being handled, which is not a std::exception: a number, a text, an enumeration,
/// or the text of the std::exception that a pointer points to. For any other type says that it is no std::exception.
/// Call it in a catch block.
[[nodiscard]] std::string current_exception_value();

}  // namespace farm::detail
