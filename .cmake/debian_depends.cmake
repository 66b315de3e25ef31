# cpack reads this before it makes the packages: the version, the maintainer, and what the packages depend on. The names and
# versions are those of the packages that farm was built with.
if(NOT CPACK_GENERATOR STREQUAL DEB)
  return()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/debian_owner.cmake")

set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has a summary of its own, in the first line of its description

# 0.2.0-1~deb12: newer systems have newer packages, and a package of the distribution itself is newer than ours.
set(ID linux)
set(VERSION_ID "")
file(STRINGS /etc/os-release farm_lines REGEX "^(ID|VERSION_ID)=")
foreach(line IN LISTS farm_lines)
  string(REGEX MATCH "^([A-Z_]+)=\"?([a-z0-9.]*)" _ "${line}")
  set(${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
endforeach()
string(REGEX REPLACE "^debian$" "deb" ID "${ID}")
set(CPACK_DEBIAN_PACKAGE_RELEASE "1~${ID}${VERSION_ID}")

# As Debian's own tools, from the environment.
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The farm developers <farm@localhost>")
if(NOT "$ENV{DEBEMAIL}" STREQUAL "")
  set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The farm developers <$ENV{DEBEMAIL}>")
  if(NOT "$ENV{DEBFULLNAME}" STREQUAL "")
    set(CPACK_DEBIAN_PACKAGE_MAINTAINER "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
  endif()
endif()

# farm_relation(OUT FILE [MAJOR | MINOR]): sets OUT to "package", or to "package (>= 9.1), package (<< 10~)", with the version of
# the package that has the file. MAJOR and MINOR say which number must change for a library to be incompatible.
function(farm_relation out file)
  farm_owner(package "${file}")
  set(relation "${package}")
  if(ARGC GREATER 2)
    string(REGEX MATCH "^([0-9]+:)?([0-9]+)[.]([0-9]+)" _ "${package_version}")
    set(epoch "${CMAKE_MATCH_1}")
    set(major "${CMAKE_MATCH_2}")
    set(minor "${CMAKE_MATCH_3}")
    set(oldest "${epoch}${major}.${minor}")
    if(ARGV2 STREQUAL MAJOR)
      math(EXPR next "${major} + 1")
    else()
      math(EXPR next "${minor} + 1")
      set(next "${major}.${next}")
    endif()
    set(relation "${package} (>= ${oldest}), ${package} (<< ${epoch}${next}~)")
  endif()
  set(${out} "${relation}" PARENT_SCOPE)
endfunction()

farm_relation(mpiexec "${CPACK_FARM_FILE_MPIEXEC}")
farm_relation(pmix "${CPACK_FARM_FILE_PMIX}") # loaded at run time
farm_relation(mpi "${CPACK_FARM_FILE_MPI}" MAJOR)
farm_relation(hdf5 "${CPACK_FARM_FILE_HDF5}" MINOR)
farm_relation(hwloc "${CPACK_FARM_FILE_HWLOC}" MAJOR)
farm_relation(fmt "${CPACK_FARM_FILE_FMT}" MAJOR)
farm_relation(cereal "${CPACK_FARM_FILE_CEREAL}" MAJOR)
farm_relation(openssl "${CPACK_FARM_FILE_OPENSSL}" MAJOR)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "${mpiexec}, ${pmix}") # and the shared libraries
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${mpi}, ${mpiexec}, ${pmix}, ${hdf5}, ${hwloc}, ${fmt}, ${cereal}, ${openssl}")
