#pragma once

#include <string>

#include "io/hdf5/hdf5.hpp"

/// Files that this process has open through HDF5, in the program itself or in the farm. HDF5 keeps what was written in
/// buffers, so the bytes on disk may be older. All functions require an Hdf5Lock.
namespace farm::detail {

/// Writes to disk what this process has written to the file through HDF5. Throws StageError if the buffers cannot be
/// written by this process alone, because several ranks have the file open through MPI-IO. `access`: properties with
/// which the caller opens the file; their close degree becomes that of the open file, since HDF5 wants the same one.
/// Returns true if this process has the file open with HDF5's default driver.
bool flush_open_file(ErrorSite const& site, hid_t access = H5I_INVALID_HID);

/// Writes to disk what this process has written to the dataset, through whichever path it was opened.
void flush_dataset(hid_t dataset, ErrorSite const& site);

/// Returns the absolute path of the file that holds the dataset: not the file that was opened if an external link or a
/// mount leads to the dataset. Returns an empty string if no path names that file for sure, or if another driver than
/// HDF5's default one reads it; then the file's bytes must not be used without HDF5.
[[nodiscard]] std::string file_of_dataset(hid_t dataset);

}  // namespace farm::detail
