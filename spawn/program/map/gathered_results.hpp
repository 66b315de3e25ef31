#pragma once

#include "spawn/program/input/input_source.hpp"

#include <farm/detail/named_task.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace farm::detail {

/// The results for `map --gather FILE:DATASET`: arrays that become one dataset, in the order of their inputs. The group
/// /inputs of the file then has a dataset for each parameter, with the values that belong to the arrays. Inputs that
/// failed are left out of both.
class GatheredResults {
 public:
  /// Throws TypingError if `where` is not FILE:DATASET, if the task does not return arrays, or if the file has such a
  /// dataset or /inputs; and StageError if the file is not an HDF5 file.
  GatheredResults(NamedTask const& task, std::string const& where);

  /// Adds a result of NamedTask::show.
  void add(Input const& input, std::shared_ptr<void> array);
  /// Writes the file. Does nothing if there are no results. Throws StageError, and UsageError if the extents of the
  /// arrays differ.
  void write() const;

 private:
  struct Row {
    TextValue input;
    std::shared_ptr<void> array;
  };

  NamedTask const& task_;
  std::string file_{};
  std::string dataset_{};
  std::map<std::size_t, Row> rows_{};  ///< by the index of the input
};

}  // namespace farm::detail
