#pragma once

#include <farm/detail/named_task.hpp>
#include <farm/program.hpp>

#include <string>
#include <vector>

namespace farm::detail {

/// The program that `run` starts for each input. Its texts may have fields {column}: a parameter of the inputs. {} is
/// the only one, and {1}, {2}, ... are the first, the second and so on.
class ProgramTemplate {
 public:
  /// Takes the program with fields in its texts. Throws TypingError if a brace has no partner, or if some fields are
  /// numbers and some are names.
  explicit ProgramTemplate(Program program);

  /// Returns the names of the columns that the texts have as fields, in the order of their first use. Empty if the
  /// fields are numbers.
  [[nodiscard]] std::vector<std::string> const& columns() const { return columns_; }
  /// Returns the number of columns.
  [[nodiscard]] std::size_t column_count() const { return column_count_; }
  /// Returns the program for the values of the columns. The fields {task}, {attempt}, {ranks} and {host} are left to
  /// the rank.
  [[nodiscard]] Program filled(std::vector<std::string> const& values) const;
  /// Returns a task with a parameter for each column, which runs the program.
  [[nodiscard]] NamedTask task() const;

 private:
  [[nodiscard]] std::size_t column_of(std::string const& name) const;

  Program program_;
  std::vector<std::string> columns_;
  std::size_t column_count_ = 0;
};

}  // namespace farm::detail
