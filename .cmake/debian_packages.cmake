# Debian packages by cpack: farm has the program, libfarm-dev the headers, libraries and CMake files. scripts/package makes
# both. cpack reads debian_depends.cmake before it installs the components, and debian_documents.cmake after that.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME farm)
set(CPACK_PACKAGE_VENDOR "The farm developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_SOURCE_GENERATOR TGZ)
set(CPACK_SOURCE_IGNORE_FILES "${PROJECT_SOURCE_DIR}/build/" "/[.]git/" "/[.]git$")
set(CPACK_STRIP_FILES OFF) # traces name functions by the symbol table of the program

set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(farm_long_description
    "farm calls functions as tasks, each on a small group of MPI ranks with a
communicator of its own. Groups are spawned, launched by mpiexec or srun, or
formed of ranks that were started with the program. Large arrays travel in
HDF5 files.")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME farm)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS libfarm-dev)
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION
    "task farm for MPI-parallel functions - program
${farm_long_description}
.
This package has the program farm: it runs a demonstration, checks the
machine, and makes reports of traces.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libfarm-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "cmake, farm")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
    "task farm for MPI-parallel functions - development files
${farm_long_description}
.
This package has the C++20 headers, the static libraries, and the files for
find_package(farm) of CMake.")

# Files of the packages that the packages depend on. debian_depends.cmake asks dpkg for the names of these packages.
foreach(directory IN LISTS HDF5_INCLUDE_DIRS)
  if(EXISTS "${directory}/hdf5.h")
    set(CPACK_FARM_FILE_HDF5 "${directory}/hdf5.h")
  endif()
endforeach()
set(CPACK_FARM_FILE_FMT "${fmt_CONFIG}")
set(CPACK_FARM_FILE_CEREAL "${cereal_CONFIG}")
set(CPACK_FARM_FILE_HWLOC "${HWLOC_INCLUDE_DIR}/hwloc.h")
set(CPACK_FARM_FILE_MPI "${MPI_C_HEADER_DIR}/mpi.h")
set(CPACK_FARM_FILE_MPIEXEC "${MPIEXEC_EXECUTABLE}")
set(CPACK_FARM_FILE_OPENSSL "${OPENSSL_INCLUDE_DIR}/openssl/ssl.h")
set(CPACK_FARM_FILE_PMIX "${PMIX_LIBDIR}/libpmix.so.2")

# Files of the packages whose headers are compiled into ours, so that their licences count for our packages.
set(CPACK_FARM_FILES_COMPILED_IN "${cereal_CONFIG}" "${ASIO_INCLUDE_DIR}/asio.hpp" "${XXHASH_INCLUDE_DIR}/xxhash.h"
                                 "${CLI11_CONFIG}" "${nlohmann_json_CONFIG}")

set(CPACK_FARM_SOURCE_DIR "${PROJECT_SOURCE_DIR}")
set(CPACK_PROJECT_CONFIG_FILE "${PROJECT_SOURCE_DIR}/.cmake/debian_depends.cmake")
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/.cmake/debian_documents.cmake")
include(CPack)
