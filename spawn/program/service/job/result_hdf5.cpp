#include "io/hdf5/hdf5.hpp"
#include "spawn/program/map/input_columns.hpp"
#include "spawn/program/service/job/result_files.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <utility>
#include <variant>

namespace farm::detail {
namespace {

/// The values of one column, in the order of the rows, and the rows' indices.
struct Values {
  std::vector<TextValue> values{};
  std::vector<std::uint64_t> indices{};
};

/// Columns in the order in which they first appear.
class Columns {
 public:
  void add(std::string const& name, TextValue value, std::uint64_t index) {
    auto const [found, is_new] = places_.try_emplace(name, columns_.size());
    if (is_new) columns_.emplace_back(name, Values{});
    auto& column = columns_[found->second].second;
    column.values.push_back(std::move(value));
    column.indices.push_back(index);
  }
  [[nodiscard]] std::vector<std::pair<std::string, Values>> const& all() const { return columns_; }

 private:
  std::map<std::string, std::size_t> places_;
  std::vector<std::pair<std::string, Values>> columns_;
};

TextValue const* member(TextValue const& value, char const* name) {
  auto const* const members = std::get_if<TextValue::Members>(&value.value);
  if (members == nullptr) return nullptr;
  auto const found = std::find(members->names.begin(), members->names.end(), name);
  return found == members->names.end() ? nullptr
                                       : &members->values[static_cast<std::size_t>(found - members->names.begin())];
}

bool is_array(TextValue const& value) {
  return member(value, "extents") != nullptr &&
         (member(value, "values") != nullptr ||
          (member(value, "file") != nullptr && member(value, "dataset") != nullptr));
}

/// Returns lists of equally many numbers as one column; none if the values are anything else.
std::optional<InputColumn> column_of_lists(std::string const& name, std::vector<TextValue> const& values) {
  std::vector<TextValue> items;
  std::optional<std::size_t> width;
  for (auto const& value : values) {
    auto const* const list = std::get_if<TextValue::List>(&value.value);
    if (list == nullptr || list->items.empty() || width.value_or(list->items.size()) != list->items.size())
      return std::nullopt;
    width = list->items.size();
    items.insert(items.end(), list->items.begin(), list->items.end());
  }
  auto column = column_of(name, items);
  if (!width || std::holds_alternative<std::vector<std::string>>(column.values)) return std::nullopt;
  column.extents = {values.size(), *width};
  return column;
}

InputColumn column_for(std::string const& name, std::vector<TextValue> const& values) {
  if (auto lists = column_of_lists(name, values)) return *std::move(lists);
  return column_of(name, values);
}

/// A name that may be a dataset: slashes would make groups of it.
std::string dataset_name(std::string name) {
  std::replace(name.begin(), name.end(), '/', '_');
  return name.empty() || name == "." || name == ".." ? "_" + name : name;
}

/// Returns an array whose values are in its text as a dataset.
InputColumn dataset_of(std::uint64_t index, TextValue const& array) {
  TextValue::List const* const values = std::get_if<TextValue::List>(&member(array, "values")->value);
  auto dataset = column_of(std::to_string(index), values != nullptr ? values->items : std::vector<TextValue>{});
  auto const* const extents = std::get_if<TextValue::List>(&member(array, "extents")->value);
  std::size_t size = 1;
  for (auto const& extent : extents != nullptr ? extents->items : std::vector<TextValue>{}) {
    auto const* const number = std::get_if<std::uint64_t>(&extent.value);
    auto const* const whole = std::get_if<std::int64_t>(&extent.value);
    dataset.extents.push_back(number != nullptr ? *number : whole != nullptr ? static_cast<std::uint64_t>(*whole) : 0);
    size *= dataset.extents.back();
  }
  if (values == nullptr || size != values->items.size()) dataset.extents.clear();
  return dataset;
}

/// Copies a dataset with all that it has, block by block.
void copy_dataset(std::string const& file, std::string const& group, std::uint64_t index, TextValue const& array) {
  auto const source = string_of(*member(array, "file")).value_or("");
  auto const dataset = string_of(*member(array, "dataset")).value_or("");
  Hdf5Lock const lock;
  FileHandle const from{
      check_hdf5(H5Fopen(source.c_str(), H5F_ACC_RDONLY, file_access(false)), {source}, "cannot open the array")};
  FileHandle to{check_hdf5(H5Fopen(file.c_str(), H5F_ACC_RDWR, file_access(true)), {file}, "cannot open")};
  {
    PropertiesHandle const links{check_hdf5(H5Pcreate(H5P_LINK_CREATE), {file, group}, "cannot copy an array")};
    check_hdf5(H5Pset_create_intermediate_group(links, 1), {file, group}, "cannot copy an array");
    auto const target = fmt::format("{}/{}", group, index);
    check_hdf5(H5Ocopy(from, dataset.c_str(), to, target.c_str(), H5P_DEFAULT, links), {source, dataset},
               "cannot copy the array");
  }
  check_hdf5(to.reset(), {file}, "cannot close");
}

/// Writes a group with a dataset for each column; a column of arrays is a group with a dataset for each.
void write_group(std::string const& file, std::string const& group, Columns const& columns) {
  std::vector<InputColumn> plain;
  for (auto const& [name, column] : columns.all()) {
    if (!std::any_of(column.values.begin(), column.values.end(), is_array))
      plain.push_back(column_for(dataset_name(name), column.values));
  }
  write_columns(file, group, plain);
  for (auto const& [name, column] : columns.all()) {
    auto const place = fmt::format("{}/{}", group, dataset_name(name));
    std::vector<InputColumn> small;
    for (std::size_t i = 0; i < column.values.size(); ++i) {
      if (is_array(column.values[i]) && member(column.values[i], "values") != nullptr)
        small.push_back(dataset_of(column.indices[i], column.values[i]));
    }
    if (!small.empty()) write_columns(file, place, small);
    for (std::size_t i = 0; i < column.values.size(); ++i) {
      if (is_array(column.values[i]) && member(column.values[i], "values") == nullptr)
        copy_dataset(file, place, column.indices[i], column.values[i]);
    }
  }
}

void make_file(std::string const& path) {
  Hdf5Lock const lock;
  FileHandle file{
      check_hdf5(H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, file_access(true)), {path}, "cannot create")};
  check_hdf5(file.reset(), {path}, "cannot close");
}

}  // namespace

void write_hdf5(ResultTable const& table, std::string const& path) {
  struct Part {
    Columns inputs{};
    Columns results{};
    Columns facts{};
  };
  std::map<bool, Part> parts;  // by whether the task has finished
  for (auto const& line : table.records()) {
    auto const record = read_result(line);
    auto& part = parts[!record.error];
    for (auto& cell : ResultTable::input_cells(record))
      part.inputs.add(cell.column, std::move(cell.value), record.index);
    for (auto& cell : ResultTable::result_cells(record)) {
      auto const name = cell.column == "result" ? std::string{"value"} : cell.column.substr(cell.column.find('.') + 1);
      part.results.add(name, std::move(cell.value), record.index);
    }
    part.facts.add("index", {.value = record.index}, record.index);
    part.facts.add("attempts", {.value = record.attempts}, record.index);
    part.facts.add("seconds", {.value = record.seconds}, record.index);
    if (record.error) part.facts.add("error", {.value = error_text(record)}, record.index);
  }
  make_file(path);
  for (auto const& [has_finished, part] : parts) {
    std::string const where = has_finished ? "/finished" : "/failed";
    write_group(path, where, part.facts);
    write_group(path, where + "/inputs", part.inputs);
    if (has_finished) write_group(path, where + "/results", part.results);
  }
}

}  // namespace farm::detail
