# Dependencies of the libraries. farmConfig.cmake.in finds those that users of the static libraries need too.

find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C) # MPI_EXECUTABLE_SUFFIX=.mpich chooses one of several MPIs on Debian
find_package(fmt 9 REQUIRED)
find_package(cereal REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
include(find_hwloc)
include(find_hdf5)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "farm needs an HDF5 that was built with MPI (Debian: libhdf5-openmpi-dev or libhdf5-mpich-dev); ${HDF5_LIBRARIES} was not")
endif()

# Used by our sources only, and header-only.
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_path(ASIO_INCLUDE_DIR asio.hpp REQUIRED)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PMIX REQUIRED pmix)

find_package(PNG REQUIRED) # for the demo of the farm program
