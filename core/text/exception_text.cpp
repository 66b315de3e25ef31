#include "core/text/exception_text.hpp"

#include "core/text/demangle.hpp"

#include <fmt/format.h>

#include <cxxabi.h>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <typeinfo>

namespace farm::detail {
namespace {

/// At most so many characters of a thrown char const* are read: what it points to may be gone.
constexpr std::size_t most_characters = 4096;

std::string value_of(std::string const& text) { return text; }
std::string value_of(std::string_view text) { return std::string{text.substr(0, most_characters)}; }
std::string value_of(char const* text) {
  return text != nullptr ? std::string{text, strnlen(text, most_characters)} : "a null pointer";
}
std::string value_of(std::exception const* error) { return error != nullptr ? text_of(*error) : "a null pointer"; }
std::string value_of(std::error_code const& code) {
  return fmt::format("{} ({}:{})", code.message(), code.category().name(), code.value());
}
std::string value_of(char c) { return std::string{c}; }
std::string value_of(signed char number) { return fmt::format("{}", static_cast<int>(number)); }
std::string value_of(unsigned char number) { return fmt::format("{}", static_cast<unsigned>(number)); }
template <class T>
std::string value_of(T number) {
  return fmt::format("{}", number);
}

template <class T>
bool is_current(std::optional<std::string>& value) {
  try {
    throw;
  } catch (T const& thrown) {
    value = value_of(thrown);
    return true;
  } catch (...) {
    return false;
  }
}

template <class... Ts>
std::optional<std::string> value_if_one_of() {
  std::optional<std::string> value;
  static_cast<void>((is_current<Ts>(value) || ...));
  return value;
}

/// Returns the value of an enumeration. No handler can name its type, so that its bytes are read: a std::exception_ptr
/// is a pointer to the thrown object. The object's size is not known, and what follows it is not defined, so that a
/// larger value is only said to be the value of an int.
std::string value_of_enumeration() {
  auto const exception = std::current_exception();
  static_assert(sizeof exception == sizeof(void*));
  unsigned char const volatile* object = nullptr;
  std::memcpy(&object, static_cast<void const*>(&exception), sizeof object);
  std::uint32_t bits = 0;
  for (unsigned i = 0; i < sizeof bits; ++i) bits |= std::uint32_t{object[i]} << (8 * i);
  auto const value = static_cast<std::int32_t>(bits);
  bool const is_small = value >= 0 && value <= UINT8_MAX;
  return fmt::format("{}{}", value, is_small ? "" : " (read as an int)");
}

}  // namespace

std::string text_of(std::exception const& error) {
  if (char const* const text = error.what()) return text;
  return fmt::format("{}, whose what() is null", demangle(typeid(error).name()));
}

std::string current_exception_type() {
  auto const* const type = abi::__cxa_current_exception_type();
  return type != nullptr ? demangle(type->name()) : "unknown type";
}

std::string current_exception_value() {
  auto value = value_if_one_of<std::string, std::string_view, char const*, std::exception const*, std::error_code, bool,
                               char, signed char, unsigned char, short, unsigned short, int, unsigned, long,
                               unsigned long, long long, unsigned long long, float, double, long double>();
  if (value) return *std::move(value);
  auto const* const type = abi::__cxa_current_exception_type();
  if (dynamic_cast<abi::__enum_type_info const*>(type) != nullptr) return value_of_enumeration();
  return "not a std::exception";
}

std::string current_exception_text() {
  try {
    throw;
  } catch (std::exception const& error) {
    return text_of(error);
  } catch (...) {
    return fmt::format("{}: {}", current_exception_type(), current_exception_value());
  }
}

}  // namespace farm::detail
