#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Values between C++ types and JSON text. They keep the JSON library out of the public headers.
namespace farm::detail {

/// A value that can be written as text.
struct TextValue {
  /// A JSON array, or a tuple, which is written with parentheses.
  struct List {
    std::vector<TextValue> items;
    bool is_tuple = false;
  };
  /// The members of a JSON object, in order.
  struct Members {
    std::vector<std::string> names;
    std::vector<TextValue> values;
    void add(std::string name, TextValue item);
  };
  /// A value of a type that cannot be shown.
  struct Opaque {
    std::size_t bytes = 0;
  };
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, List, Members, Opaque> value{};
  bool is_bare = false;  ///< true for a string that was written without quotes
};

/// Says that a text is not a value of the requested type. what() names the expected type.
class TextMismatch : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Parses JSON in any locale. A list or an object may also hold numbers that JSON does not have (.5, nan,
/// inf, -inf), and tuples in parentheses, as to_text() writes them. Returns any other text as a bare string. Does not
/// throw.
[[nodiscard]] TextValue read_text(std::string_view text);

/// Returns the text for people: `(1, 2, 0)`, `[1.5, 2]`, `{"a": 1}`. A string is written without quotes, but with
/// quotes inside a list or an object.
[[nodiscard]] std::string to_text(TextValue const& value);

/// Returns the string that was written as text; none if the value is of another kind. An object {"base64":"//4="}
/// stands for a string whose bytes are not UTF-8.
[[nodiscard]] std::optional<std::string> string_of(TextValue const& value);

/// Returns the text with U+FFFD in place of each byte that is not UTF-8.
[[nodiscard]] std::string with_valid_utf8(std::string const& text);

/// Returns JSON in one line. Numbers that JSON does not have become the strings "nan", "inf" and "-inf". A string that
/// is not UTF-8 becomes the object {"base64":"//4="}, and an object with such a name becomes a list of names and
/// values. An opaque value becomes a string with its size.
[[nodiscard]] std::string to_json(TextValue const& value);

/// Returns a JSON object in one line: `{"input":1,"result":[1,2]}`.
[[nodiscard]] std::string to_json(TextValue::Members const& members);

}  // namespace farm::detail
