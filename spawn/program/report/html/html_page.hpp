#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace farm::detail {

/// Returns the text as it stands in HTML, in elements and in attributes. Control characters other than line breaks and
/// tabs become U+FFFD, and so do bytes that are not UTF-8 and characters that turn the direction of text.
[[nodiscard]] std::string escaped_html(std::string_view text);

/// A page of HTML in one file: it has its styles in it, no scripts, and loads nothing. It is readable on a narrow
/// screen, on a dark one, and on paper. All texts are escaped here, except for what add_markup() takes.
class HtmlPage {
 public:
  explicit HtmlPage(std::string_view title);

  void add_heading(std::string_view text);
  void add_paragraph(std::string_view text);
  /// Adds names with their values. Pairs with an empty value are left out.
  void add_facts(std::vector<std::pair<std::string, std::string>> const& facts);
  /// Adds a table. `numbers` tells which columns are aligned to the right: 'n' for each of those, 't' for the others.
  void add_table(std::string_view caption, std::vector<std::string> const& headings, std::string_view numbers,
                 std::vector<std::vector<std::string>> const& rows);
  /// Adds HTML as it stands.
  void add_markup(std::string_view html) { body_ += html; }

  /// Returns the whole page.
  [[nodiscard]] std::string text() const;

 private:
  std::string title_;
  std::string body_;
};

}  // namespace farm::detail
