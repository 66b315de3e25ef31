# Installs farm, and the files that find_package(farm) reads.
include(CMakePackageConfigHelpers)

set(farm_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/farm")
foreach(component IN ITEMS core io spawn)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${component}/include/" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} OPTIONAL)
endforeach()
install(TARGETS farm RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT farm NAMESPACE farm:: FILE farmTargets.cmake DESTINATION ${farm_config_dir})

configure_package_config_file(.cmake/farmConfig.cmake.in farmConfig.cmake INSTALL_DESTINATION ${farm_config_dir})
write_basic_package_version_file(farmConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/farmConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/farmConfigVersion.cmake"
              .cmake/find_hdf5.cmake DESTINATION ${farm_config_dir})
