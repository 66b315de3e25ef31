#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// A table of text whose columns are as wide as their widest cell. The first column is aligned to the left, the others
/// to the right.
class TextTable {
 public:
  /// Makes a table with a line of headings. With `text_at_end`, the last column is aligned to the left, too.
  explicit TextTable(std::vector<std::string> headings, bool text_at_end = false);

  /// Adds a row, which has a cell for each heading.
  void add(std::vector<std::string> row);

  /// Returns the lines of the table.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  bool text_at_end_;
};

/// Returns the text in one line of at most `most` characters, without what a terminal would act on.
[[nodiscard]] std::string cell_text(std::string_view text, std::size_t most);

}  // namespace farm::detail
