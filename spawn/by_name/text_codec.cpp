#include <farm/detail/text_codec.hpp>

#include "spawn/by_name/number_text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace farm::detail {
namespace {

[[noreturn]] void throw_out_of_range(TextValue const& text, std::string const& type) {
  throw TextMismatch(fmt::format("{} is out of the range of {}", to_text(text), type));
}

/// Reads a number that people write but JSON does not know: `.5`, `inf`. In quotes only numbers that are not finite are
/// accepted, since that is how JSON shows them.
std::optional<double> number_word(TextValue const& text, std::string const& type) {
  auto const* const string = std::get_if<std::string>(&text.value);
  auto const number = string != nullptr ? read_number(*string) : std::nullopt;
  if (!number || (!text.is_bare && std::isfinite(number->value))) return std::nullopt;
  if (!number->is_in_range) throw_out_of_range(text, type);
  return number->value;
}

/// Returns the text as an integer. A whole double is accepted too: 1e6.
TextValue to_integer(TextValue const& text, std::string const& type) {
  if (std::holds_alternative<std::int64_t>(text.value) || std::holds_alternative<std::uint64_t>(text.value))
    return text;
  auto const* const found = std::get_if<double>(&text.value);
  auto const number = found != nullptr ? *found : number_word(text, type);
  if (!number || !std::isfinite(*number) || std::trunc(*number) != *number) throw_expected(type);
  if (std::abs(*number) >= 0x1p63) throw_out_of_range(text, type);
  return {.value = static_cast<std::int64_t>(*number)};
}

}  // namespace

void throw_expected(std::string const& type) { throw TextMismatch(fmt::format("expected {}", type)); }

std::string integer_name(bool is_signed, std::size_t bytes) {
  if (bytes == sizeof(int)) return is_signed ? "int" : "unsigned";
  return fmt::format("{}int{}", is_signed ? "" : "u", 8 * bytes);
}

std::int64_t read_signed(TextValue const& text, std::int64_t min, std::int64_t max, std::string const& type) {
  auto const integer = to_integer(text, type);
  std::int64_t value = 0;
  if (auto const* const number = std::get_if<std::uint64_t>(&integer.value)) {
    if (*number > static_cast<std::uint64_t>(max)) throw_out_of_range(text, type);
    value = static_cast<std::int64_t>(*number);
  } else {
    value = std::get<std::int64_t>(integer.value);
  }
  if (value < min || value > max) throw_out_of_range(text, type);
  return value;
}

std::uint64_t read_unsigned(TextValue const& text, std::uint64_t max, std::string const& type) {
  auto const integer = to_integer(text, type);
  std::uint64_t value = 0;
  if (auto const* const number = std::get_if<std::int64_t>(&integer.value)) {
    if (*number < 0) throw_out_of_range(text, type);
    value = static_cast<std::uint64_t>(*number);
  } else {
    value = std::get<std::uint64_t>(integer.value);
  }
  if (value > max) throw_out_of_range(text, type);
  return value;
}

double read_double(TextValue const& text, std::string const& type, double limit) {
  std::optional<double> number;
  if (auto const* const found = std::get_if<double>(&text.value)) number = *found;
  if (auto const* const found = std::get_if<std::int64_t>(&text.value)) number = static_cast<double>(*found);
  if (auto const* const found = std::get_if<std::uint64_t>(&text.value)) number = static_cast<double>(*found);
  if (!number) number = number_word(text, type);
  if (!number) throw_expected(type);
  if (std::isfinite(*number) && std::abs(*number) >= limit) throw_out_of_range(text, type);
  return *number;
}

double widen(float value) {
  if (!std::isfinite(value)) return value;
  return read_number(fmt::format("{}", value))->value;
}

std::vector<TextValue> const& read_list(TextValue const& text, std::string_view type, std::size_t size) {
  auto const* const list = std::get_if<TextValue::List>(&text.value);
  if (list == nullptr) throw_expected(std::string{type});
  if (size != std::string::npos && list->items.size() != size) throw_expected(std::string{type});
  return list->items;
}

TextValue::Members read_members(TextValue const& text, std::string const& type) {
  if (auto const* const members = std::get_if<TextValue::Members>(&text.value)) return *members;
  TextValue::Members members;
  for (auto const& pair : read_list(text, type)) {
    auto const& items = read_list(pair, type, 2);
    auto name = string_of(items[0]);
    if (!name) throw_expected(type);
    members.add(std::move(*name), items[1]);
  }
  return members;
}

}  // namespace farm::detail
