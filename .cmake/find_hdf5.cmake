# Finds the parallel HDF5 and its high-level library, and provides them as hdf5::hdf5 and hdf5::hdf5_hl, however HDF5 was
# installed.

# CMake asks HDF5's compiler wrapper, which cannot compile files in a directory with a blank in its name.
set(farm_binary_dir "${CMAKE_CURRENT_BINARY_DIR}")
if(CMAKE_CURRENT_BINARY_DIR MATCHES "[^A-Za-z0-9_./+-]")
  execute_process(COMMAND mktemp -d -p /tmp OUTPUT_VARIABLE CMAKE_CURRENT_BINARY_DIR OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C HL)
if(NOT CMAKE_CURRENT_BINARY_DIR STREQUAL farm_binary_dir)
  file(REMOVE_RECURSE "${CMAKE_CURRENT_BINARY_DIR}")
  set(CMAKE_CURRENT_BINARY_DIR "${farm_binary_dir}")
endif()
unset(farm_binary_dir)

if(NOT TARGET hdf5::hdf5)
  add_library(hdf5::hdf5 INTERFACE IMPORTED)
  target_include_directories(hdf5::hdf5 INTERFACE ${HDF5_INCLUDE_DIRS})
  target_link_libraries(hdf5::hdf5 INTERFACE ${HDF5_LIBRARIES})
endif()
if(NOT TARGET hdf5::hdf5_hl)
  add_library(hdf5::hdf5_hl INTERFACE IMPORTED)
  target_link_libraries(hdf5::hdf5_hl INTERFACE ${HDF5_HL_LIBRARIES})
endif()
