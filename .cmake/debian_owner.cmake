# farm_owner(OUT FILE): sets OUT to the name of the Debian package that installed the file, and OUT_version to its version.
function(farm_owner out file)
  get_filename_component(real "${file}" REALPATH)
  foreach(name IN ITEMS "${file}" "${real}")
    execute_process(COMMAND dpkg-query --search "${name}" OUTPUT_VARIABLE found ERROR_QUIET RESULT_VARIABLE status)
    if(status EQUAL 0 AND found MATCHES "^([a-z0-9+.-]+)(:[a-z0-9-]+)?: ")
      set(package "${CMAKE_MATCH_1}")
      execute_process(COMMAND dpkg-query --show "--showformat=\${Version}\\n" "${package}"
                      OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
      string(REGEX REPLACE "\n.*" "" version "${version}")
      set(${out} "${package}" PARENT_SCOPE)
      set(${out}_version "${version}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "no Debian package has the file '${file}', so the packages of farm cannot name what they need; "
                      "build farm with the libraries of the system, or use cmake --install")
endfunction()
