#pragma once

#include <farm/detail/text_value.hpp>
#include <farm/serialize.hpp>

#include <array>
#include <complex>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

/// Conversions between C++ types and text, for the arguments and results of named tasks.
namespace farm::detail {

/// Names a type, and converts its values to text and back. Each specialization has `static std::string name()` and
/// `static TextValue show(T const&)`. A specialization whose type can be read from text also has
/// `static void read(TextValue const&, T&)`, which throws TextMismatch. This primary template serves all other types:
/// it shows a value by its size in bytes.
template <class T>
struct TextCodec {
  static std::string name() { return "bytes"; }
  static TextValue show(T const& value) { return {.value = TextValue::Opaque{pack(value).size()}}; }
};

/// A type that can be read from text.
template <class T>
concept Readable = requires(TextValue const& text, T& value) {
  TextCodec<T>::read(text, value);
};

/// Throws a TextMismatch that says that `type` was expected.
[[noreturn]] void throw_expected(std::string const& type);

/// Returns the name of the integral type of that size: "int", "uint8".
[[nodiscard]] std::string integer_name(bool is_signed, std::size_t bytes);
/// Reads an integer. Throws TextMismatch if the text is not a whole number, or the number is outside min..max.
[[nodiscard]] std::int64_t read_signed(TextValue const& text, std::int64_t min, std::int64_t max,
                                       std::string const& type);
/// Reads an integer. Throws TextMismatch if the text is not a whole number, or the number is outside 0..max.
[[nodiscard]] std::uint64_t read_unsigned(TextValue const& text, std::uint64_t max, std::string const& type);

/// The least number that is out of the range of a floating point type: the nearest value of the type is infinite.
template <std::floating_point T>
inline constexpr double out_of_range = std::is_same_v<T, float> ? 0x1.ffffffp127
                                                                : std::numeric_limits<double>::infinity();

/// Reads a number, which may also be the string "nan", "inf" or "-inf". Throws TextMismatch if the text is not a
/// number, or if the number is finite and its magnitude is `limit` or more.
[[nodiscard]] double read_double(TextValue const& text, std::string const& type, double limit);

/// Returns the double that has the same shortest decimal text as the float: 0.1f becomes 0.1.
[[nodiscard]] double widen(float value);

/// Returns the items of a list. Throws TextMismatch if the text is not a list, or has not `size` items; npos accepts
/// any number of items.
[[nodiscard]] std::vector<TextValue> const& read_list(TextValue const& text, std::string_view type,
                                                      std::size_t size = std::string::npos);

/// Returns the members of an object, which may also be written as a list of names and values. Throws TextMismatch if
/// the text is neither.
[[nodiscard]] TextValue::Members read_members(TextValue const& text, std::string const& type);

template <class T>
struct TextCodec<T const> : TextCodec<T> {};

template <>
struct TextCodec<bool> {
  static std::string name() { return "bool"; }
  static TextValue show(bool value) { return {.value = value}; }
  static void read(TextValue const& text, bool& value) {
    auto const* const found = std::get_if<bool>(&text.value);
    if (found == nullptr) throw_expected("true or false");
    value = *found;
  }
};

template <std::integral T>
struct TextCodec<T> {
  using Limits = std::numeric_limits<T>;
  static std::string name() { return integer_name(std::is_signed_v<T>, sizeof(T)); }
  static TextValue show(T value) {
    if constexpr (std::is_signed_v<T>) {
      return {.value = std::int64_t{value}};
    } else {
      return {.value = std::uint64_t{value}};
    }
  }
  static void read(TextValue const& text, T& value) {
    if constexpr (std::is_signed_v<T>) {
      value = static_cast<T>(read_signed(text, Limits::min(), Limits::max(), name()));
    } else {
      value = static_cast<T>(read_unsigned(text, Limits::max(), name()));
    }
  }
};

template <std::floating_point T>
struct TextCodec<T> {
  static std::string name() { return std::is_same_v<T, float> ? "float" : "double"; }
  static TextValue show(T value) {
    if constexpr (std::is_same_v<T, float>) {
      return {.value = widen(value)};
    } else {
      return {.value = static_cast<double>(value)};
    }
  }
  static void read(TextValue const& text, T& value) {
    value = static_cast<T>(read_double(text, name(), out_of_range<T>));
  }
};

template <class T>
requires std::is_enum_v<T>
struct TextCodec<T> {
  using Number = std::underlying_type_t<T>;
  static std::string name() { return TextCodec<Number>::name(); }
  static TextValue show(T value) { return TextCodec<Number>::show(static_cast<Number>(value)); }
  static void read(TextValue const& text, T& value) {
    Number number{};
    TextCodec<Number>::read(text, number);
    value = static_cast<T>(number);
  }
};

template <>
struct TextCodec<std::string> {
  static std::string name() { return "string"; }
  static TextValue show(std::string const& value) { return {.value = value}; }
  static void read(TextValue const& text, std::string& value) {
    auto found = string_of(text);
    if (!found) throw_expected(name());
    value = std::move(*found);
  }
};

template <Path T>
struct TextCodec<T> {
  static std::string name() { return "path"; }
  static TextValue show(T const& value) { return {.value = value.native()}; }
  static void read(TextValue const& text, T& value) {
    auto found = string_of(text);
    if (!found) throw_expected(name());
    value = std::move(*found);
  }
};

template <class T>
struct TextCodec<std::complex<T>> {
  static std::string name() { return "complex"; }
  static TextValue show(std::complex<T> const& value) {
    return {.value = TextValue::List{{TextCodec<T>::show(value.real()), TextCodec<T>::show(value.imag())}, true}};
  }
  static void read(TextValue const& text, std::complex<T>& value) {
    auto const& items = read_list(text, "complex as [real, imaginary]", 2);
    auto const part = [&](std::size_t i) {
      return static_cast<T>(read_double(items[i], TextCodec<T>::name(), out_of_range<T>));
    };
    value = {part(0), part(1)};
  }
};

template <class T>
struct TextCodec<std::optional<T>> {
  static std::string name() { return TextCodec<T>::name() + " or null"; }
  static TextValue show(std::optional<T> const& value) { return value ? TextCodec<T>::show(*value) : TextValue{}; }
  static void read(TextValue const& text, std::optional<T>& value) requires Readable<T> {
    value.reset();
    if (!std::holds_alternative<std::nullptr_t>(text.value)) TextCodec<T>::read(text, value.emplace());
  }
};

template <class Range, class T>
struct ListCodec {
  static std::string name() { return "list of " + TextCodec<T>::name(); }
  static TextValue show(Range const& range) {
    TextValue::List list;
    for (auto const& item : range) list.items.push_back(TextCodec<T>::show(static_cast<T const&>(item)));
    return {.value = std::move(list)};
  }
  static void read(TextValue const& text, Range& range) requires Readable<T> {
    range.clear();
    for (auto const& item : read_list(text, name())) {
      T value{};
      TextCodec<T>::read(item, value);
      range.insert(range.end(), std::move(value));
    }
  }
};
template <class T>
struct TextCodec<std::vector<T>> : ListCodec<std::vector<T>, T> {};
template <class T>
struct TextCodec<std::set<T>> : ListCodec<std::set<T>, T> {};

template <class T, std::size_t size>
struct TextCodec<std::array<T, size>> : ListCodec<std::array<T, size>, T> {
  static std::string name() { return "list of " + std::to_string(size) + " " + TextCodec<T>::name(); }
  static void read(TextValue const& text, std::array<T, size>& array) requires Readable<T> {
    auto const& items = read_list(text, name(), size);
    for (std::size_t i = 0; i < size; ++i) TextCodec<T>::read(items[i], array[i]);
  }
};

/// An array as a member of a plain struct.
template <class T, std::size_t size>
struct TextCodec<T[size]> {
  static std::string name() { return TextCodec<std::array<T, size>>::name(); }
  static TextValue show(T const (&array)[size]) {
    TextValue::List list;
    for (auto const& item : array) list.items.push_back(TextCodec<T>::show(item));
    return {.value = std::move(list)};
  }
  static void read(TextValue const& text, T (&array)[size]) requires Readable<T> {
    auto const& items = read_list(text, name(), size);
    for (std::size_t i = 0; i < size; ++i) TextCodec<T>::read(items[i], array[i]);
  }
};

template <class Tuple, class... Ts>
struct TupleCodec {
  static std::string name() {
    std::string text;
    ((text.append(text.empty() ? "(" : ", ").append(TextCodec<Ts>::name())), ...);
    return text.empty() ? "()" : text + ")";
  }
  static TextValue show(Tuple const& tuple) {
    return {.value = std::apply(
                [](auto const&... items) {
                  return TextValue::List{{TextCodec<Ts>::show(items)...}, true};
                },
                tuple)};
  }
  static void read(TextValue const& text, Tuple& tuple) requires(Readable<Ts>&&...) {
    auto const& items = read_list(text, "list " + name(), sizeof...(Ts));
    std::size_t i = 0;
    std::apply([&](auto&... each) { (TextCodec<Ts>::read(items[i++], each), ...); }, tuple);
  }
};
template <class... Ts>
struct TextCodec<std::tuple<Ts...>> : TupleCodec<std::tuple<Ts...>, Ts...> {};
template <class A, class B>
struct TextCodec<std::pair<A, B>> : TupleCodec<std::pair<A, B>, A, B> {};

template <class Map, class T>
struct MapCodec {
  static std::string name() { return "object of " + TextCodec<T>::name(); }
  static TextValue show(Map const& map) {
    TextValue::Members members;
    for (auto const& [key, item] : map) members.add(key, TextCodec<T>::show(item));
    return {.value = std::move(members)};
  }
  static void read(TextValue const& text, Map& map) requires Readable<T> {
    map.clear();
    auto const& members = read_members(text, name());
    for (std::size_t i = 0; i < members.names.size(); ++i) TextCodec<T>::read(members.values[i], map[members.names[i]]);
  }
};
template <class T>
struct TextCodec<std::map<std::string, T>> : MapCodec<std::map<std::string, T>, T> {};
template <class T>
struct TextCodec<std::unordered_map<std::string, T>> : MapCodec<std::unordered_map<std::string, T>, T> {};

}  // namespace farm::detail
