# Installs farm, and the files that find_package(farm) reads. The components are the packages: program, and development.
include(CMakePackageConfigHelpers)

set(farm_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/farm")
foreach(component IN ITEMS core io spawn)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${component}/include/" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT development OPTIONAL)
endforeach()
install(TARGETS farm RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)

# The program writes its manual page and its completions for shells.
if(NOT CMAKE_CROSSCOMPILING)
  set(written "${CMAKE_CURRENT_BINARY_DIR}/written")
  file(MAKE_DIRECTORY "${written}")
  foreach(file IN ITEMS "farm.1 man" "farm completion bash" "_farm completion zsh" "farm.fish completion fish")
    separate_arguments(file)
    list(POP_FRONT file name)
    list(JOIN file " " arguments)
    install(CODE "execute_process(COMMAND \"$<TARGET_FILE:farm>\" ${arguments} OUTPUT_FILE \"${written}/${name}\"
                                  COMMAND_ERROR_IS_FATAL ANY)" COMPONENT program)
  endforeach()
  install(FILES "${written}/farm.1" DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
  foreach(target IN ITEMS farm:bash-completion/completions _farm:zsh/site-functions farm.fish:fish/vendor_completions.d)
    string(REPLACE ":" ";" target "${target}")
    list(GET target 0 name)
    list(GET target 1 folder)
    install(FILES "${written}/${name}" DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder} COMPONENT program)
  endforeach()
endif()

install(EXPORT farm NAMESPACE farm:: FILE farmTargets.cmake DESTINATION ${farm_config_dir} COMPONENT development)

configure_package_config_file(.cmake/farmConfig.cmake.in farmConfig.cmake INSTALL_DESTINATION ${farm_config_dir})
write_basic_package_version_file(farmConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/farmConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/farmConfigVersion.cmake"
              .cmake/find_hdf5.cmake .cmake/find_hwloc.cmake DESTINATION ${farm_config_dir} COMPONENT development)

if(PROJECT_IS_TOP_LEVEL)
  include(debian_packages)
endif()
