#pragma once

#include "io/hdf5/hdf5.hpp"

namespace farm::detail {

/// Throws StageError, which names the filter, if chunks of the dataset went through a filter that HDF5 does not have in
/// this process. Requires an Hdf5Lock.
void check_filters(hid_t dataset, ErrorSite const& site);

}  // namespace farm::detail
