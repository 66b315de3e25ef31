#pragma once

#include <cstddef>
#include <cstdint>
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

/// Parses JSON. Returns any other text as a bare string. Does not throw.
[[nodiscard]] TextValue read_text(std::string_view text);

/// Returns the text for people: `(1, 2, 0)`, `[1.5, 2]`, `{"a": 1}`. A string is written without quotes, but with
/// quotes inside a list or an object.
[[nodiscard]] std::string to_text(TextValue const& value);

/// Returns JSON in one line. Not-a-number and infinity become null; an opaque value becomes a string with its size.
[[nodiscard]] std::string to_json(TextValue const& value);

/// Returns a JSON object in one line: `{"input":1,"result":[1,2]}`.
[[nodiscard]] std::string to_json(TextValue::Members const& members);

}  // namespace farm::detail
