#include "spawn/by_name/number_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <system_error>

namespace farm::detail {
namespace {

/// Returns true if a number that no double can hold is too small, not too large. A text that is very long may mean
/// either, so it counts as too large: that is an error, and not a wrong value.
bool is_tiny(std::string_view digits, bool is_hexadecimal) {
  auto const exponent = digits.find_first_of(is_hexadecimal ? "pP" : "eE");
  return digits.size() < 200 && exponent != std::string_view::npos && digits.substr(exponent + 1).starts_with('-');
}

}  // namespace

std::optional<ReadNumber> read_number(std::string_view text) {
  constexpr auto blanks = " \t\r\n";
  auto const first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(blanks) - first + 1);
  bool const is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  bool const is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  if (is_hexadecimal) text.remove_prefix(2);
  if (text.starts_with('-')) return std::nullopt;  // from_chars() would take a second sign
  double value = 0;
  auto const format = is_hexadecimal ? std::chars_format::hex : std::chars_format::general;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, format);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    value = 0;
    if (!is_tiny(text, is_hexadecimal)) return ReadNumber{.is_in_range = false};
  }
  return ReadNumber{.value = is_negative ? -value : value};
}

std::string number_text(double value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

}  // namespace farm::detail
