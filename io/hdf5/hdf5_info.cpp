#include "io/hdf5/hdf5_info.hpp"

#include <fmt/format.h>
#include <hdf5.h>

namespace farm::detail {

Hdf5Info hdf5_info() {
  Hdf5Info info;
  info.headers = fmt::format("{}.{}.{}", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
#ifdef H5_HAVE_PARALLEL
  info.parallel = true;
#endif
  // Most HDF5 functions abort the process if the library and the headers differ; this one does not check.
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  if (H5get_libversion(&major, &minor, &release) >= 0) info.library = fmt::format("{}.{}.{}", major, minor, release);
  return info;
}

}  // namespace farm::detail
