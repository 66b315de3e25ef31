#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// What stands between the values of C++ and their text, so that no JSON library is seen by users.
namespace farm::detail {

/// A value as text can tell it.
struct TextValue {
  struct List {
    std::vector<TextValue> items;
    bool is_tuple = false;
  };
  struct Members {  ///< of an object, in order
    std::vector<std::string> names;
    std::vector<TextValue> values;
    void add(std::string name, TextValue item);
  };
  struct Opaque {  ///< of a type that cannot be shown
    std::size_t bytes = 0;
  };
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, List, Members, Opaque> value{};
  bool is_bare = false;  ///< a string that stood there without quotes
};

/// A value is not of the type that was asked for; what() says what was expected.
class TextMismatch : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// JSON, or whatever else as a bare string. Does not throw.
[[nodiscard]] TextValue read_text(std::string_view text);

/// `(1, 2, 0)`, `[1.5, 2]`, `{"a": 1}`; a string as it is, but quoted within others.
[[nodiscard]] std::string to_text(TextValue const& value);

/// One line. What JSON has no word for becomes null (not-a-number, infinity) or a string.
[[nodiscard]] std::string to_json(TextValue const& value);

/// An object, one line: `{"input":1,"result":[1,2]}`.
[[nodiscard]] std::string to_json(TextValue::Members const& members);

}  // namespace farm::detail
