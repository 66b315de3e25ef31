#pragma once

#include <string>

#include "io/hdf5/hdf5.hpp"

/// External storage (H5Pset_external): the elements of a dataset lie in files of their own, whose names the dataset
/// has. HDF5 returns zeros for bytes that those files lack. All functions require an Hdf5Lock.
namespace farm::detail {

/// Returns the absolute directory to which relative names of external files refer for this open dataset: usually the
/// working directory of this process. Returns an empty string if the dataset has no such names.
[[nodiscard]] std::string external_directory(hid_t dataset);

/// Returns properties for dataset access with which relative names of external files refer to this directory.
[[nodiscard]] PropertiesHandle access_with_external_directory(std::string const& directory);

/// Throws StageError, which names the file, if an external file is missing or too short.
void check_external_storage(hid_t dataset, ErrorSite const& site);

}  // namespace farm::detail
