#pragma once

#include <functional>

#include "io/hdf5/hdf5.hpp"
#include "io/hdf5/pieces.hpp"

/// Virtual datasets (H5Pset_virtual): the elements lie in datasets of other files, the sources. HDF5 returns fill
/// values for sources that it does not find.
namespace farm::detail {

/// Called for each source that was found, with its dataset and the names of its file and dataset.
using CheckSource = std::function<void(hid_t, ErrorSite const&)>;

/// Throws StageError, which names the source, if a source of these elements is missing or too small. `part`: null for
/// the whole dataset. Sources are sought where HDF5 seeks them. Requires an Hdf5Lock.
void check_virtual_sources(hid_t dataset, ErrorSite const& site, Piece const* part, CheckSource const& check);

}  // namespace farm::detail
