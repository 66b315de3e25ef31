#include "core/text/field_text.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <stdexcept>

namespace farm::detail {

FieldText::FieldText(std::string_view text) {
  std::string plain;
  auto const lacks_partner = [&](char brace) {
    return std::invalid_argument(
        fmt::format("\"{}\": a {} has no partner; write {}{} for the character itself", text, brace, brace, brace));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    bool const is_doubled = (c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c;
    if (is_doubled) {
      plain += c;
      ++i;
    } else if (c == '}') {
      throw lacks_partner('}');
    } else if (c == '{') {
      auto const end = text.find_first_of("{}", i + 1);
      if (end == std::string_view::npos || text[end] == '{') throw lacks_partner('{');
      if (!plain.empty()) pieces_.push_back({.is_field = false, .text = plain});
      plain.clear();
      pieces_.push_back({.is_field = true, .text = std::string{text.substr(i + 1, end - i - 1)}});
      i = end;
    } else {
      plain += c;
    }
  }
  if (!plain.empty()) pieces_.push_back({.is_field = false, .text = plain});
}

std::vector<std::string> FieldText::names() const {
  std::vector<std::string> names;
  for (auto const& piece : pieces_) {
    if (piece.is_field) names.push_back(piece.text);
  }
  return names;
}

std::string FieldText::filled(std::function<std::string(std::string const& name)> const& value,
                              std::function<std::string(std::string const& text)> const& plain) const {
  std::string text;
  for (auto const& piece : pieces_) text += piece.is_field ? value(piece.text) : plain ? plain(piece.text) : piece.text;
  return text;
}

std::string without_fields(std::string_view text) {
  std::string doubled;
  for (char const c : text) {
    doubled += c;
    if (c == '{' || c == '}') doubled += c;
  }
  return doubled;
}

}  // namespace farm::detail
