#include <farm/error.hpp>
#include <farm/save_options.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace farm::detail {
namespace {

using NamedValues = std::vector<std::pair<std::string, SavedValues>>;

constexpr std::uint64_t longest_attribute = 64'000;  // an object header limits an attribute to 64 KiB
constexpr std::uint64_t text_reference = 16;         // bytes of a text of variable length in an attribute

// What the farm writes itself, and what H5DS keeps for the links between datasets and dimension scales.
constexpr std::array<std::string_view, 8> reserved_names{"writer", "version", "extents",        "ranks",
                                                         "CLASS",  "NAME",    "DIMENSION_LIST", "REFERENCE_LIST"};

std::string with_article(std::string_view kind) { return fmt::format("{} {}", kind == "column" ? "a" : "an", kind); }

void check_text(std::string_view kind, std::string const& name, SavedValues const& values) {
  auto const has_zero = [](std::string const& text) { return text.find('\0') != std::string::npos; };
  if (std::ranges::any_of(values.texts(), has_zero))
    throw UsageError(fmt::format("the {} '{}' has a text with a zero byte, which HDF5 cannot store", kind, name));
}

/// Checks what holds for attributes, axes and columns alike. `kind` says in messages which list this is.
void check_entries(std::string_view kind, NamedValues const& entries) {
  std::set<std::string_view> names;
  for (auto const& [name, values] : entries) {
    if (name.empty() || name == "." || name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
      throw UsageError(fmt::format("'{}' cannot be the name of {}; a name has at least one character and no '/'", name,
                                   with_article(kind)));
    }
    if (!names.insert(name).second) throw UsageError(fmt::format("the {} '{}' is given twice", kind, name));
    check_text(kind, name, values);
  }
}

void check_attributes(NamedValues const& attributes) {
  check_entries("attribute", attributes);
  for (auto const& [name, values] : attributes) {
    if (std::ranges::find(reserved_names, name) != reserved_names.end())
      throw UsageError(fmt::format("the attribute '{}' is reserved; choose another name", name));
    auto const bytes = values.elements().size() + text_reference * values.texts().size();
    if (bytes > longest_attribute) {
      throw UsageError(
          fmt::format("the attribute '{}' has {} bytes, and HDF5 allows {}; save it as an axis or a column", name,
                      bytes, longest_attribute));
    }
  }
}

void check_length(std::string_view kind, std::string const& name, SavedValues const& values, std::uint64_t length) {
  if (values.is_scalar())
    throw UsageError(fmt::format("the {} '{}' is a single value; give {} of them", kind, name, length));
  if (values.size() != length) {
    throw UsageError(
        fmt::format("the {} '{}' has {} values, and the array has {} there", kind, name, values.size(), length));
  }
}

void check_axes(NamedValues const& axes, DatasetName const& dataset, Extents const& extents) {
  check_entries("axis", axes);
  if (axes.size() > extents.size())
    throw UsageError(fmt::format("{} axes are named, and the array has {}", axes.size(), extents.size()));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    auto const& [name, values] = axes[i];
    check_length("axis", name, values, extents[i]);
    if (values.type() == ElementType::complex64 || values.type() == ElementType::complex128)
      throw UsageError(fmt::format("the axis '{}' has complex numbers; an axis has real numbers or texts", name));
    if (name == dataset.leaf || name == table_name(dataset.leaf))
      throw UsageError(fmt::format("the axis '{}' has the name of the dataset or its table", name));
  }
}

}  // namespace

void check_save_options(SaveOptions const& options, std::string const& dataset, Extents const& extents) {
  check_attributes(options.attributes);
  check_axes(options.axes, split_dataset_name(dataset), extents);
  check_entries("column", options.table);
  for (auto const& [name, values] : options.table) check_length("column", name, values, extents.at(0));
}

DatasetName split_dataset_name(std::string const& dataset) {
  auto const end = dataset.find_last_not_of('/');
  auto const name = dataset.substr(0, end == std::string::npos ? 0 : end + 1);
  auto const slash = name.rfind('/');
  if (slash == std::string::npos) return {{}, name};
  return {name.substr(0, slash + 1), name.substr(slash + 1)};
}

std::string table_name(std::string const& dataset) {
  auto const [group, leaf] = split_dataset_name(dataset);
  return group + leaf + "_table";
}

}  // namespace farm::detail
