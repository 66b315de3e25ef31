#pragma once

#include <farm/detail/named_task.hpp>
#include <farm/program.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace farm::detail {

/// A program that is started for each input, by `run` and by the service. Its command and paths may have fields
/// {column}: a parameter of the inputs. {} is the only one, and {1}, {2}, ... are the first, the second and so on.
class ProgramTemplate {
 public:
  /// Takes the program with fields in its texts. Throws UsageError if a brace has no partner, or if some fields are
  /// numbers and some are names.
  /// `known` names further fields that are no columns: filled() is given their values.
  explicit ProgramTemplate(Program program, std::vector<std::string> known = {});

  /// Returns the names of the columns that the texts have as fields, in the order of their first use. Empty if the
  /// fields are numbers.
  [[nodiscard]] std::vector<std::string> const& columns() const { return columns_; }
  /// Returns the number of columns.
  [[nodiscard]] std::size_t column_count() const { return column_count_; }
  /// Returns the program for the values of the columns. The fields {task}, {attempt}, {ranks} and {host}, and those
  /// that the constructor was given, are left as they are, unless `known` has a value. Throws std::out_of_range if a
  /// value is missing.
  [[nodiscard]] Program filled(std::vector<std::string> const& values,
                               std::map<std::string, std::string> const& known = {}) const;
  /// Returns a task with a parameter for each column, which runs the program.
  [[nodiscard]] NamedTask task() const;

 private:
  [[nodiscard]] std::size_t column_of(std::string const& name) const;

  Program program_;
  std::vector<std::string> columns_;
  std::size_t column_count_ = 0;
  std::vector<std::string> known_;
};

}  // namespace farm::detail
