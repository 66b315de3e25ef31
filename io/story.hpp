#pragma once

#include <farm/extents.hpp>

#include <string>
#include <utility>
#include <vector>

#include "io/hdf5.hpp"

namespace farm::detail {

/// Attributes that tell where a dataset comes from: writer, version, extents, ranks, and what else is given. Under an
/// Hdf5Lock.
void write_story(hid_t dataset, Place const& place, Extents const& extents, int ranks,
                 std::vector<std::pair<std::string, std::string>> const& more);

}  // namespace farm::detail
