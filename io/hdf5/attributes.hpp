#pragma once

#include <farm/extents.hpp>

#include <string>
#include <utility>
#include <vector>

#include "io/hdf5/hdf5.hpp"

namespace farm::detail {

/// Attributes that tell where a dataset comes from: writer, version, extents, ranks, and what else is given; those
/// that it has stay. Under an Hdf5Lock.
void write_attributes(hid_t dataset, ErrorSite const& place, Extents const& extents, int ranks,
                      std::vector<std::pair<std::string, std::string>> const& more);

/// The attributes of one dataset for another that is a copy of it, where it has them not. What cannot be copied is left
/// out: attributes are a story, not data. Under an Hdf5Lock.
void copy_attributes(hid_t from, hid_t to);

}  // namespace farm::detail
