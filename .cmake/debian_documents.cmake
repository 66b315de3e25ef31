# cpack reads this when the components are installed and before it makes the packages of them: puts what Debian wants in each
# package into usr/share/doc/PACKAGE.
if(NOT CPACK_GENERATOR STREQUAL DEB)
  return()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/debian_owner.cmake")

# The licence of farm, and those of the libraries whose headers are compiled into the program and the static libraries.
file(READ "${CPACK_FARM_SOURCE_DIR}/LICENSE" copyright)
string(APPEND copyright "\nThe program and the libraries contain code of the packages below, under these terms.\n")
foreach(file IN LISTS CPACK_FARM_FILES_COMPILED_IN)
  farm_owner(package "${file}")
  if(EXISTS "/usr/share/doc/${package}/copyright")
    file(READ "/usr/share/doc/${package}/copyright" terms)
  else() # dpkg can be told to leave documents out
    set(terms "The terms are in the file copyright of this package, which the machine that made ours did not have.\n")
    message(WARNING "there is no /usr/share/doc/${package}/copyright: the packages of farm will lack its terms; "
                    "do not pass them on")
  endif()
  string(APPEND copyright "\n---- ${package} ${package_version} ----\n\n${terms}")
endforeach()

string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH, if the environment has it
set(version "${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")

function(farm_compress from to)
  execute_process(COMMAND gzip -9 -n -c INPUT_FILE "${from}" OUTPUT_FILE "${to}" COMMAND_ERROR_IS_FATAL ANY)
  file(CHMOD "${to}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER "${component}" upper)
  set(package "${CPACK_DEBIAN_${upper}_PACKAGE_NAME}")
  set(root "${CPACK_TEMPORARY_DIRECTORY}/${component}/usr")
  set(documents "${root}/share/doc/${package}")
  file(WRITE "${documents}/copyright" "${copyright}")
  file(CHMOD "${documents}/copyright" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  farm_compress("${CPACK_FARM_SOURCE_DIR}/.github/CHANGELOG.md" "${documents}/changelog.gz")
  set(entry "${CPACK_TEMPORARY_DIRECTORY}/changelog.Debian")
  file(WRITE "${entry}" "farm (${version}) unstable; urgency=medium\n\n"
                        "  * Version ${CPACK_PACKAGE_VERSION}; see changelog.gz.\n\n"
                        " -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${now}\n")
  farm_compress("${entry}" "${documents}/changelog.Debian.gz")
endforeach()

# Debian compresses manual pages, and wants to know why the program has its symbol table.
set(root "${CPACK_TEMPORARY_DIRECTORY}/program/usr/share")
file(MAKE_DIRECTORY "${root}/lintian/overrides")
farm_compress("${root}/man/man1/farm.1" "${root}/man/man1/farm.1.gz")
file(REMOVE "${root}/man/man1/farm.1")
file(WRITE "${root}/lintian/overrides/farm" "# Traces name functions by the symbol table of the program.\n"
                                            "farm: unstripped-binary-or-object\n")
file(CHMOD "${root}/lintian/overrides/farm" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
