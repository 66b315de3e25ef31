#pragma once

#include <farm/detail/named_task.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// Reads the arguments of a task from the lines of a table: comma-separated values whose first line names the columns.
/// If the first line has no comma, semicolons or tabs separate the values. Values may stand in quotes, in which "" is
/// one quote.
class CsvTable {
 public:
  /// Columns have the names of the parameters, in any order; further columns are ignored. If the task's parameters have
  /// no names, the table has one column for each, in their order.
  explicit CsvTable(NamedTask const& task) : task_(task) {}

  /// Takes the next line. Returns the arguments if a row is complete; none for the header, and if a value in quotes
  /// goes on in the next line. Throws UsageError, about this row only unless the line is the header.
  [[nodiscard]] std::optional<ArgumentTexts> add_line(std::string const& line);
  /// Throws UsageError if a value in quotes is not complete.
  void finish() const;
  [[nodiscard]] bool has_header() const { return has_header_; }

 private:
  [[nodiscard]] std::optional<std::vector<std::string>> cells_of(std::string const& row) const;
  void read_header(std::string const& line);

  NamedTask const& task_;
  char separator_ = ',';
  bool has_header_ = false;
  std::size_t column_count_ = 0;
  std::vector<std::size_t> columns_;  ///< one for each parameter
  std::string row_;                   ///< the lines of an incomplete row
};

}  // namespace farm::detail
