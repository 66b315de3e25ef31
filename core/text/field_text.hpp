#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// A text with fields in braces, such as "--alpha={alpha}". {{ and }} stand for the braces themselves.
class FieldText {
 public:
  /// Throws std::invalid_argument, which names the text, if a brace has no partner.
  explicit FieldText(std::string_view text);

  /// Returns the names of the fields, in the order of the text.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Returns the text with each field replaced by `value(name)`, and what is between the fields by `plain(text)`.
  [[nodiscard]] std::string filled(std::function<std::string(std::string const& name)> const& value,
                                   std::function<std::string(std::string const& text)> const& plain = {}) const;

 private:
  struct Piece {
    bool is_field = false;
    std::string text;  ///< the name of a field
  };
  std::vector<Piece> pieces_;
};

/// Returns the text with each brace doubled: as a FieldText, it stands for the text itself.
[[nodiscard]] std::string without_fields(std::string_view text);

}  // namespace farm::detail
