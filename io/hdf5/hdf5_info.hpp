#pragma once

#include <string>

namespace farm::detail {

/// Of the HDF5 that is in use.
struct Hdf5Info {
  std::string library;  ///< version of what is loaded: "1.10.8"
  std::string headers;  ///< version that this was compiled with
  bool parallel = false;
};

/// Opens no file and needs no MPI.
[[nodiscard]] Hdf5Info hdf5_info();

}  // namespace farm::detail
