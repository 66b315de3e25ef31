#include "spawn/program/report/text_table.hpp"

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

/// Returns the number of characters of a text in UTF-8.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); }));
}

}  // namespace

TextTable::TextTable(std::vector<std::string> headings, bool text_at_end)
    : rows_{std::move(headings)}, text_at_end_(text_at_end) {}

void TextTable::add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

std::string TextTable::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (auto const& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], characters(row[i]));
  }
  std::string text;
  for (auto const& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      bool const is_last = i + 1 == row.size();
      bool const to_left = i == 0 || (is_last && text_at_end_);
      std::string const padding(widths[i] - characters(row[i]), ' ');
      text += i == 0 ? "" : "  ";
      if (!to_left) text += padding;
      text += row[i];
      if (to_left && !is_last) text += padding;
    }
    text += '\n';
  }
  return text;
}

std::string cell_text(std::string_view text, std::size_t most) {
  constexpr std::string_view dots = "...";
  bool const is_long = characters(text) > most;
  std::size_t const room = is_long ? most - dots.size() : most;
  std::string cell;
  std::size_t count = 0;
  for (char const c : text) {
    if (!continues_character(c) && count++ == room) break;
    auto const code = static_cast<unsigned char>(c);
    cell += code < 0x20 || code == 0x7f ? '?' : c;
  }
  if (is_long) cell += dots;
  return cell;
}

}  // namespace farm::detail
