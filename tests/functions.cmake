# Functions that build and register tests. All take NAME SOURCES ... [LIBS ...] [LABELS ...] [TIMEOUT seconds]
# [ENVIRONMENT NAME=value ...].
#
#   farm_add_test(NAME ...)                   Adds a plain program, which is run without mpiexec.
#   farm_add_mpi_test(NAME ... RANKS 1 2 4)   Adds a program that mpiexec runs: one ctest entry NAME.K per number of ranks K.
#   farm_add_spawn_test(NAME ... [SLOTS n] [SINGLETON] [STATIC] [LAUNCHED] [NO_MAIN])
#                                             Adds a master with n slots (5) for ranks that it spawns. If MPI cannot spawn, only what
#                                             STATIC and LAUNCHED ask for is added.
#       SINGLETON  also runs it without mpiexec, as NAME.singleton; with Open MPI 5 without the test cases tagged [spawned]
#       STATIC     also starts all n ranks at once, as NAME.static, without the test cases tagged [spawned]
#       LAUNCHED   also runs it without mpiexec, with launched groups, as NAME.launched, without the same test cases
#       NO_MAIN    the sources have their own main()
#   farm_add_static_test(NAME ... RANKS n [TAKE_PART])
#                                             Adds a program that is started with n ranks at once, a master and n - 1 that serve.
#       TAKE_PART  all n ranks run the test cases
#
# Each program is linked with a main() from support/, and may include private headers ("core/scheduler/scheduler.hpp").
# Each ctest entry runs in a scratch directory of its own, which is also its TMPDIR.

find_package(Catch2 3 QUIET)
if(NOT Catch2_FOUND)
  find_package(Catch2 2.13 REQUIRED)
endif()
string(REGEX MATCH "^[0-9]+" FARM_CATCH2_VERSION "${Catch2_VERSION}")

# The mpiexec for tests, which takes Open MPI's options.
set(farm_mpiexec "${MPIEXEC_EXECUTABLE}")
if(farm_mpi STREQUAL mpich)
  set(farm_mpiexec "${PROJECT_BINARY_DIR}/mpich/mpiexec")
  configure_file(support/mpiexec_mpich.in "${farm_mpiexec}" @ONLY)
endif()
set(farm_mpiexec_word "${farm_mpiexec}") # for a shell
if(farm_mpiexec MATCHES " ")
  set(farm_mpiexec_word "\\\"${farm_mpiexec}\\\"")
endif()

# Arguments of the test programs. [spawned] marks test cases that need spawned groups, or PMIx. [open_mpi] marks those that do not
# pass with MPICH, for the reasons in .docs/pitfalls.md.
set(farm_without_spawning "~[spawned]")
set(farm_all_test_cases "")
if(NOT farm_can_spawn)
  set(farm_without_spawning "~[spawned]~[open_mpi]")
  set(farm_all_test_cases "~[spawned]~[open_mpi]")
endif()

# A program that was started without mpiexec has launched groups if its MPI is Open MPI 5.
set(farm_singletons_spawn ${farm_can_spawn})
set(farm_singleton_test_cases "${farm_all_test_cases}")
foreach(directory IN LISTS MPI_C_INCLUDE_DIRS)
  if(EXISTS "${directory}/mpi.h")
    file(STRINGS "${directory}/mpi.h" farm_lines REGEX "define OMPI_MAJOR_VERSION +[5-9]")
    if(farm_lines)
      set(farm_singletons_spawn OFF)
      set(farm_singleton_test_cases "${farm_without_spawning}")
    endif()
  endif()
endforeach()

# Catch2, and the paths that tests need. Catch2's own code is slow to compile and is not under test: no optimization, no sanitizers.
add_library(farm_testing STATIC support/run_test_cases.cpp)
target_include_directories(farm_testing PRIVATE "${PROJECT_SOURCE_DIR}")
target_compile_options(farm_testing PRIVATE -O0 -fno-sanitize=all)
target_compile_definitions(
  farm_testing
  PUBLIC FARM_CATCH2_VERSION=${FARM_CATCH2_VERSION}
  INTERFACE FARM_SOURCE_DIR="${PROJECT_SOURCE_DIR}" FARM_BINARY_DIR="${PROJECT_BINARY_DIR}"
            FARM_MPIEXEC="${farm_mpiexec_word}" $<$<BOOL:${farm_can_spawn}>:FARM_CAN_SPAWN>
            $<$<BOOL:${farm_singletons_spawn}>:FARM_SINGLETONS_SPAWN>)
target_link_libraries(farm_testing PUBLIC Catch2::Catch2)

set(farm_test_environment "")
execute_process(COMMAND id -u OUTPUT_VARIABLE user_id OUTPUT_STRIP_TRAILING_WHITESPACE)
if(user_id EQUAL 0) # Open MPI refuses to start as root without these
  list(APPEND farm_test_environment OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
endif()
if(FARM_SANITIZE)
  # detect_leaks=0: MPI libraries leak by design, in modules that are unloaded before the leak check. handle_segv=0: ranks that
  # must die by SIGSEGV do so. quarantine_size_mb: freed memory is kept, but too little to disturb tests that measure memory.
  set(asan_options ASAN_OPTIONS=detect_leaks=0:handle_segv=0:quarantine_size_mb=16)
  list(APPEND farm_test_environment UBSAN_OPTIONS=print_stacktrace=1)
endif()

function(farm_test_executable name)
  cmake_parse_arguments(arg "" "MAIN" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  farm_private_settings(${name})
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>) # tests are compiled more often than their speed matters
  target_link_libraries(${name} PRIVATE ${arg_LIBS} farm_testing)
  if(arg_MAIN)
    target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/${arg_MAIN}.cpp")
  endif()
endfunction()

# in_scratch ends the test 5 s before ctest would, since it can also end an mpiexec that ignores SIGTERM.
function(farm_register name)
  cmake_parse_arguments(arg "" "TIMEOUT;PROCESSORS" "COMMAND;LABELS;ENVIRONMENT" ${ARGN})
  if(FARM_SANITIZE) # sanitized programs are slower
    math(EXPR arg_TIMEOUT "3 * ${arg_TIMEOUT}")
  endif()
  math(EXPR limit "${arg_TIMEOUT} - 5")
  add_test(NAME ${name} COMMAND "${PROJECT_SOURCE_DIR}/tests/support/in_scratch" "${PROJECT_BINARY_DIR}/scratch/${name}"
                                ${limit} ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} PROCESSORS ${arg_PROCESSORS} LABELS "${arg_LABELS}"
                                          ENVIRONMENT "${farm_test_environment};${arg_ENVIRONMENT}")
endfunction()

macro(farm_test_arguments flags values lists default_timeout)
  cmake_parse_arguments(arg "${flags}" "TIMEOUT;${values}" "SOURCES;LIBS;LABELS;ENVIRONMENT;${lists}" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT ${default_timeout})
  endif()
endmacro()

function(farm_add_test name)
  farm_test_arguments("" "" "" 180 ${ARGN})
  farm_test_executable(${name} MAIN main SOURCES ${arg_SOURCES} LIBS ${arg_LIBS})
  farm_register(${name} COMMAND $<TARGET_FILE:${name}> ${farm_all_test_cases} TIMEOUT ${arg_TIMEOUT} PROCESSORS 1
                LABELS ${arg_LABELS} ENVIRONMENT ${arg_ENVIRONMENT})
endfunction()

function(farm_add_mpi_test name)
  farm_test_arguments("" "" RANKS 180 ${ARGN})
  farm_test_executable(${name} MAIN ranks_main SOURCES ${arg_SOURCES} LIBS ${arg_LIBS} farm::io)
  foreach(ranks IN LISTS arg_RANKS)
    farm_register(
      ${name}.${ranks}
      COMMAND "${farm_mpiexec}" -n ${ranks} --oversubscribe $<TARGET_FILE:${name}> ${farm_all_test_cases}
      TIMEOUT ${arg_TIMEOUT} PROCESSORS ${ranks} LABELS mpi ${arg_LABELS}
      ENVIRONMENT ${arg_ENVIRONMENT} ${asan_options} OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1)
  endforeach()
endfunction()

function(farm_add_spawn_test name)
  farm_test_arguments("SINGLETON;STATIC;LAUNCHED;NO_MAIN" SLOTS "" 300 ${ARGN})
  if(NOT arg_SLOTS)
    set(arg_SLOTS 5)
  endif()
  set(main MAIN mpi_main)
  if(arg_NO_MAIN)
    unset(main)
  endif()
  if(NOT (farm_can_spawn OR arg_STATIC OR arg_LAUNCHED))
    return()
  endif()
  farm_test_executable(${name} ${main} SOURCES ${arg_SOURCES} LIBS ${arg_LIBS} farm::farm farm_spawn_private)
  set(options TIMEOUT ${arg_TIMEOUT} PROCESSORS 2 LABELS mpi ${arg_LABELS} ENVIRONMENT ${arg_ENVIRONMENT} ${asan_options})
  if(farm_can_spawn)
    farm_register(${name} ${options} COMMAND "${farm_mpiexec}" -n 1 -host localhost:${arg_SLOTS} $<TARGET_FILE:${name}>)
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK farm_spawn)
  endif()
  if(arg_SINGLETON AND farm_can_spawn)
    farm_register(${name}.singleton ${options} COMMAND $<TARGET_FILE:${name}> ${farm_singleton_test_cases})
    set_tests_properties(${name}.singleton PROPERTIES RESOURCE_LOCK farm_spawn)
  endif()
  if(arg_LAUNCHED)
    math(EXPR slots "${arg_SLOTS} - 1") # the master needs no slot
    farm_register(${name}.launched ${options} FARM_SOURCE=launched FARM_HOSTS=localhost:${slots}
                  COMMAND $<TARGET_FILE:${name}> "${farm_without_spawning}")
    set_tests_properties(${name}.launched PROPERTIES RESOURCE_LOCK farm_spawn)
  endif()
  if(arg_STATIC)
    farm_register(${name}.static ${options} COMMAND "${farm_mpiexec}" --oversubscribe -n ${arg_SLOTS}
                                                    $<TARGET_FILE:${name}> "${farm_without_spawning}")
    set_tests_properties(${name}.static PROPERTIES RESOURCE_LOCK farm_spawn)
  endif()
endfunction()

function(farm_add_static_test name)
  farm_test_arguments("TAKE_PART" RANKS "" 60 ${ARGN})
  set(main mpi_main)
  if(arg_TAKE_PART)
    set(main take_part_main)
  endif()
  farm_test_executable(${name} MAIN ${main} SOURCES ${arg_SOURCES} LIBS ${arg_LIBS} farm::farm farm_spawn_private)
  farm_register(${name} COMMAND "${farm_mpiexec}" --oversubscribe -n ${arg_RANKS} $<TARGET_FILE:${name}> ${farm_all_test_cases}
                TIMEOUT ${arg_TIMEOUT} PROCESSORS 2 LABELS mpi ${arg_LABELS} ENVIRONMENT ${arg_ENVIRONMENT} ${asan_options})
  set_tests_properties(${name} PROPERTIES RESOURCE_LOCK farm_spawn)
endfunction()
