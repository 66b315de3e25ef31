#pragma once

#include <farm/extents.hpp>

#include <string>
#include <utility>
#include <vector>

#include "io/hdf5/hdf5.hpp"

namespace farm::detail {

/// Writes the attributes that say where a dataset comes from: writer, version, extents, ranks, and `more`. Existing
/// attributes are not changed. Requires an Hdf5Lock.
void write_attributes(hid_t dataset, ErrorSite const& site, Extents const& extents, int ranks,
                      std::vector<std::pair<std::string, std::string>> const& more);

/// Copies attributes that `to` lacks from `from`. Attributes that cannot be copied are skipped. Requires an Hdf5Lock.
void copy_attributes(hid_t from, hid_t to);

}  // namespace farm::detail
