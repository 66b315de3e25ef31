# Installs the build FARM into the current directory, which must be empty, and builds and runs the project SOURCE with it.

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT OUTPUT_VARIABLE output ECHO_OUTPUT_VARIABLE RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "the command ended with ${status}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect text)
  string(FIND "${output}" "${text}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "the output does not contain: ${text}")
  endif()
endfunction()

set(here "${CMAKE_CURRENT_BINARY_DIR}")
set(master "${MPIEXEC}" -n 1 -host localhost:5)

run(${CMAKE_COMMAND} --install ${FARM} --prefix ${here}/prefix)
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE} -B ${here}/build -D CMAKE_CXX_COMPILER=${COMPILER}
    -D CMAKE_PREFIX_PATH=${here}/prefix)
run(${CMAKE_COMMAND} --build ${here}/build)
run(${master} ${here}/build/with_pool)
expect("(1, 2) (2, 2) (3, 2) (4, 2)")
run(${master} ${here}/build/with_command_line tasks)
expect("square_on_ranks")
run(${master} ${here}/build/with_command_line map square_on_ranks 3 4 --ranks-per-task 2)
expect("18")
expect("32")
run(${here}/prefix/bin/farm --version)
