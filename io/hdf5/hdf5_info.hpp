#pragma once

#include <string>

namespace farm::detail {

/// Properties of the HDF5 library in use.
struct Hdf5Info {
  std::string library;  ///< version of the loaded library: "1.10.8"
  std::string headers;  ///< version that the farm was compiled with
  bool parallel = false;
};

/// Returns the properties of the HDF5 library. Opens no file and needs no MPI.
[[nodiscard]] Hdf5Info hdf5_info();

}  // namespace farm::detail
