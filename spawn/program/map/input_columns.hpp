#pragma once

#include <farm/detail/named_task.hpp>

#include <string>
#include <variant>
#include <vector>

namespace farm::detail {

/// The values of one parameter, one for each input.
struct InputColumn {
  std::string name;  ///< of the parameter, or its number, from 1
  std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>> values;
};

/// Returns the arguments of inputs by parameter. Whole numbers and bool are integers, other numbers double, and all
/// else is text.
[[nodiscard]] std::vector<InputColumn> columns_of(NamedTask const& task, std::vector<TextValue> const& inputs);

/// Makes the group in an existing HDF5 file, with a dataset of one axis for each column. Throws StageError.
void write_columns(std::string const& file, std::string const& group, std::vector<InputColumn> const& columns);

}  // namespace farm::detail
