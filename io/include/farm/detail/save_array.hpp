#pragma once

#include <farm/detail/array_info.hpp>
#include <farm/element.hpp>
#include <farm/save_options.hpp>

#include <string>
#include <vector>

namespace farm::detail {

/// Copies an array and its attributes to a new dataset, as Array::save_as() does.
void save_array(ArrayInfo const& info, std::string const& file, std::string const& dataset, SaveOptions const& options);

/// Copies arrays of the same extents into one new dataset, as farm::gather() does.
[[nodiscard]] ArrayInfo gather_arrays(std::vector<ArrayInfo> const& parts, ElementType type, std::string const& file,
                                      std::string const& dataset, SaveOptions const& options);

}  // namespace farm::detail
