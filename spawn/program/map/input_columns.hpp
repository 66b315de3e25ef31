#pragma once

#include <farm/detail/named_task.hpp>
#include <farm/extents.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace farm::detail {

/// The values of one parameter, one for each input.
struct InputColumn {
  std::string name;  ///< of the parameter, or its number, from 1
  std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>> values;
  Extents extents{};  ///< of the dataset; empty: one axis
};

/// Returns the values as a column: whole numbers and bool are integers, other numbers double, and all else is text.
[[nodiscard]] InputColumn column_of(std::string name, std::vector<TextValue> const& values);

/// Returns the arguments of inputs by parameter. Whole numbers and bool are integers, other numbers double, and all
/// else is text.
[[nodiscard]] std::vector<InputColumn> columns_of(NamedTask const& task, std::vector<TextValue> const& inputs);

/// Makes the group in an existing HDF5 file, with a dataset for each column, Groups above it are made
/// if they are not there. Throws StageError.
void write_columns(std::string const& file, std::string const& group, std::vector<InputColumn> const& columns);

}  // namespace farm::detail
