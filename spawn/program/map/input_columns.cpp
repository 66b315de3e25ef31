#include "spawn/program/map/input_columns.hpp"

#include "io/hdf5/hdf5.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

namespace farm::detail {
namespace {

using GroupHandle = Hdf5Handle<H5Gclose>;

/// Returns the arguments of one input, as as_input() has put them together.
std::vector<TextValue> arguments_of(NamedTask const& task, TextValue const& input) {
  if (!task.names.empty()) return std::get<TextValue::Members>(input.value).values;
  if (task.arguments.size() == 1) return {input};
  return std::get<TextValue::List>(input.value).items;
}

std::optional<std::int64_t> as_integer(TextValue const& value) {
  if (auto const* const flag = std::get_if<bool>(&value.value)) return *flag ? 1 : 0;
  if (auto const* const number = std::get_if<std::int64_t>(&value.value)) return *number;
  auto const* const number = std::get_if<std::uint64_t>(&value.value);
  if (number == nullptr || *number > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<double> as_double(TextValue const& value) {
  if (auto const* const number = std::get_if<double>(&value.value)) return *number;
  if (auto const* const number = std::get_if<std::uint64_t>(&value.value)) return static_cast<double>(*number);
  auto const integer = as_integer(value);
  return integer ? std::optional{static_cast<double>(*integer)} : std::nullopt;
}

/// Returns the values converted; none if one of them cannot be.
template <class T, class Convert>
std::optional<std::vector<T>> all_as(std::vector<TextValue> const& values, Convert const& convert) {
  std::vector<T> all;
  for (auto const& value : values) {
    auto const converted = convert(value);
    if (!converted) return std::nullopt;
    all.push_back(*converted);
  }
  return all;
}

InputColumn column_of(std::string name, std::vector<TextValue> const& values) {
  if (auto all = all_as<std::int64_t>(values, as_integer)) return {std::move(name), *std::move(all)};
  if (auto all = all_as<double>(values, as_double)) return {std::move(name), *std::move(all)};
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (auto const& value : values) texts.push_back(to_text(value));
  return {std::move(name), std::move(texts)};
}

TypeHandle text_type(ErrorSite const& site) {
  TypeHandle type{check_hdf5(H5Tcopy(H5T_C_S1), site, "cannot make the type of text")};
  check_hdf5(H5Tset_size(type, H5T_VARIABLE), site, "cannot make the type of text");
  check_hdf5(H5Tset_cset(type, H5T_CSET_UTF8), site, "cannot make the type of text");
  return type;
}

void write_dataset(hid_t group, ErrorSite const& site, std::string const& name, hid_t type, std::size_t size,
                   void const* values) {
  auto const space = make_space({size});
  DatasetHandle const dataset{check_hdf5(
      H5Dcreate2(group, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), site, "cannot create")};
  check_hdf5(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), site, "cannot write");
}

void write_column(hid_t group, ErrorSite const& site, InputColumn const& column) {
  if (auto const* const integers = std::get_if<std::vector<std::int64_t>>(&column.values)) {
    write_dataset(group, site, column.name, native_type(ElementType::int64), integers->size(), integers->data());
  } else if (auto const* const doubles = std::get_if<std::vector<double>>(&column.values)) {
    write_dataset(group, site, column.name, native_type(ElementType::float64), doubles->size(), doubles->data());
  } else {
    std::vector<char const*> texts;
    for (auto const& text : std::get<std::vector<std::string>>(column.values)) texts.push_back(text.c_str());
    write_dataset(group, site, column.name, text_type(site), texts.size(), texts.data());
  }
}

}  // namespace

std::vector<InputColumn> columns_of(NamedTask const& task, std::vector<TextValue> const& inputs) {
  std::vector<std::vector<TextValue>> values(task.arguments.size());
  for (auto const& input : inputs) {
    auto const arguments = arguments_of(task, input);
    for (std::size_t i = 0; i < values.size(); ++i) values[i].push_back(arguments.at(i));
  }
  std::vector<InputColumn> columns;
  for (std::size_t i = 0; i < values.size(); ++i)
    columns.push_back(column_of(task.names.empty() ? std::to_string(i + 1) : task.names[i], values[i]));
  return columns;
}

void write_columns(std::string const& file, std::string const& group, std::vector<InputColumn> const& columns) {
  Hdf5Lock const lock;
  FileHandle opened{check_hdf5(H5Fopen(file.c_str(), H5F_ACC_RDWR, file_access(true)), {file}, "cannot open")};
  {
    GroupHandle const made{check_hdf5(H5Gcreate2(opened, group.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                      {file, group}, "cannot create the group")};
    for (auto const& column : columns) write_column(made, {file, group + '/' + column.name}, column);
  }
  check_hdf5(opened.reset(), {file}, "cannot close");
}

}  // namespace farm::detail
