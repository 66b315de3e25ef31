#pragma once

#include "io/hdf5/hdf5.hpp"
#include "io/hdf5/pieces.hpp"

namespace farm::detail {

/// Throws StageError, which names what is missing, if HDF5 cannot read these elements of the dataset or would return
/// fill values in their place: a filter that HDF5 does not have, a file of external storage, or a source of a virtual
/// dataset. `part`: null for the whole dataset. Requires an Hdf5Lock.
void check_stored(hid_t dataset, ErrorSite const& site, Piece const* part);

}  // namespace farm::detail
