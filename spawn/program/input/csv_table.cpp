#include "spawn/program/input/csv_table.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

std::string trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(" \t") - first + 1)};
}

}  // namespace

std::optional<ArgumentTexts> CsvTable::add_line(std::string const& line) {
  if (!has_header_) {
    read_header(line);
    return std::nullopt;
  }
  row_ += row_.empty() ? line : '\n' + line;
  auto const cells = cells_of(row_);
  if (!cells) return std::nullopt;
  ArgumentTexts arguments{.input = std::exchange(row_, {})};
  if (cells->size() != column_count_) {
    throw UsageError(fmt::format("\"{}\" has {} value{}, but the first line names {} columns", arguments.input,
                                 cells->size(), cells->size() == 1 ? "" : "s", column_count_));
  }
  for (auto const column : columns_) arguments.texts.push_back((*cells)[column]);
  return arguments;
}

void CsvTable::finish() const {
  if (!row_.empty()) throw UsageError(fmt::format("\"{}\" has a quote that does not end", row_));
}

/// Returns none if a value in quotes does not end.
std::optional<std::vector<std::string>> CsvTable::cells_of(std::string const& row) const {
  std::vector<std::string> cells;
  std::string cell;
  bool is_quoted = false;   // inside of quotes
  bool was_quoted = false;  // the cell is kept as it is
  for (std::size_t i = 0; i < row.size(); ++i) {
    char const c = row[i];
    if (is_quoted) {
      bool const is_pair = c == '"' && i + 1 < row.size() && row[i + 1] == '"';
      if (is_pair) ++i;
      if (c != '"' || is_pair) {
        cell += c;
      } else {
        is_quoted = false;
      }
    } else if (c == '"' && trimmed(cell).empty() && !was_quoted) {
      cell.clear();
      is_quoted = was_quoted = true;
    } else if (c == separator_) {
      cells.push_back(was_quoted ? cell : trimmed(cell));
      cell.clear();
      was_quoted = false;
    } else if (!was_quoted || (c != ' ' && c != '\t')) {
      cell += c;
    }
  }
  if (is_quoted) return std::nullopt;
  cells.push_back(was_quoted ? cell : trimmed(cell));
  return cells;
}

void CsvTable::read_header(std::string const& line) {
  has_header_ = true;
  if (line.find(',') == std::string::npos) separator_ = line.find(';') != std::string::npos ? ';' : '\t';
  auto const names = cells_of(line).value_or(std::vector<std::string>{});
  column_count_ = names.size();
  if (task_.names.empty()) {
    if (names.size() != task_.arguments.size()) {
      throw UsageError(fmt::format("the table has {} column{}, expected {}: ({})", names.size(),
                                   names.size() == 1 ? "" : "s", task_.arguments.size(), task_.parameters()));
    }
    columns_.resize(names.size());
    std::iota(columns_.begin(), columns_.end(), std::size_t{0});
    return;
  }
  for (auto const& name : task_.names) {
    auto const found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      throw UsageError(fmt::format("the table has no column {}: its first line names {}; expected ({})", name,
                                   fmt::join(names, ", "), task_.parameters()));
    }
    columns_.push_back(static_cast<std::size_t>(found - names.begin()));
  }
}

}  // namespace farm::detail
