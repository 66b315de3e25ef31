# Settings of every target in this build.

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
  endif()
  find_program(CCACHE ccache)
  if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # with relative paths, and without the build directory, the cache serves all checkouts
    set(launcher "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${CCACHE}")
    set(CMAKE_C_COMPILER_LAUNCHER "${launcher}")
    set(CMAKE_CXX_COMPILER_LAUNCHER "${launcher}")
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()

if(FARM_SANITIZE)
  add_compile_options(-fsanitize=${FARM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FARM_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU) # gcc's instrumentation causes false alarms
    set(farm_no_false_alarms -Wno-maybe-uninitialized -Wno-nonnull-compare)
  endif()
endif()

if(FARM_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "FARM_FUZZ needs clang's libFuzzer: use the preset fuzz, or CMAKE_CXX_COMPILER=clang++")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Sets the warnings for our own sources. The headers of others are system headers, which cause none.
function(farm_warnings target)
  target_compile_options(
    ${target}
    PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-align -Wunused
            -Wimplicit-fallthrough $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual>
            ${farm_no_false_alarms} $<$<BOOL:${FARM_WERROR}>:-Werror>)
endfunction()

# For every target of our own sources: the warnings, and private headers by their path ("core/scheduler/scheduler.hpp").
function(farm_private_settings target)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  farm_warnings(${target})
endfunction()
