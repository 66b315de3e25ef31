# farm_add_component(NAME SOURCES...): adds the static library farm_NAME, whose alias here and after installation is farm::NAME.
# The directory include/ beside the calling CMakeLists.txt holds its public headers, if it has any.
function(farm_add_component name)
  set(target farm_${name})
  add_library(${target} STATIC ${ARGN})
  add_library(farm::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} PUBLIC cxx_std_20)
  farm_private_settings(${target})
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/include")
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                                                $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  endif()
  install(TARGETS ${target} EXPORT farm ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
endfunction()
