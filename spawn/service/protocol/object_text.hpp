#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace farm::detail {

/// Writes a JSON object member by member. Text that is JSON already is copied as it stands.
class ObjectText {
 public:
  ObjectText& add(std::string_view name, std::string_view text);
  ObjectText& add(std::string_view name, char const* text) { return add(name, std::string_view{text}); }
  ObjectText& add(std::string_view name, std::string const& text) { return add(name, std::string_view{text}); }
  ObjectText& add(std::string_view name, double number);
  ObjectText& add(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  template <std::integral N>
  requires(!std::same_as<N, bool>) ObjectText& add(std::string_view name, N number) {
    return raw(name, std::to_string(number));
  }
  ObjectText& add(std::string_view name, std::vector<std::string> const& texts);
  /// Adds null for an empty text.
  ObjectText& add_or_null(std::string_view name, std::string_view text);
  /// Adds null for 0: a time that is not known.
  ObjectText& add_time(std::string_view name, double seconds);
  ObjectText& null(std::string_view name) { return raw(name, "null"); }
  /// Adds a value that is JSON.
  ObjectText& raw(std::string_view name, std::string_view json);
  [[nodiscard]] std::string take() {
    text_ += '}';
    return std::move(text_);
  }

 private:
  std::string text_{"{"};
};

/// Returns a text as JSON, with its quotes. What is not UTF-8 is replaced.
[[nodiscard]] std::string json_text(std::string_view text);

/// Returns a JSON list of values that are JSON.
[[nodiscard]] std::string list_of(std::vector<std::string> const& values);

}  // namespace farm::detail
