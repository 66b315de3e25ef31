# Finds hwloc, and provides it as hwloc::hwloc. Its own files are for pkg-config only.

if(NOT TARGET hwloc::hwloc)
  find_path(HWLOC_INCLUDE_DIR hwloc.h)
  find_library(HWLOC_LIBRARY hwloc)
  mark_as_advanced(HWLOC_INCLUDE_DIR HWLOC_LIBRARY)
  if(NOT HWLOC_INCLUDE_DIR OR NOT HWLOC_LIBRARY)
    message(FATAL_ERROR "farm needs hwloc 2 (Debian: libhwloc-dev); name it with CMAKE_PREFIX_PATH")
  endif()
  add_library(hwloc::hwloc INTERFACE IMPORTED)
  target_include_directories(hwloc::hwloc INTERFACE "${HWLOC_INCLUDE_DIR}")
  target_link_libraries(hwloc::hwloc INTERFACE "${HWLOC_LIBRARY}")
endif()
