#include <farm/main.hpp>

#include "spawn/platform/platform.hpp"
#include "spawn/program/command_line.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/typing_error.hpp"

#include <farm/runtime.hpp>

#include <mpi.h>

#include <exception>

namespace farm {
namespace {

/// Finalizes MPI if a Runtime could not be made after it had initialized MPI. mpiexec would report a crash otherwise.
void finish_mpi() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized != 0 && finalized == 0) MPI_Finalize();
}

}  // namespace

int run_main(int argc, char** argv) {
  using namespace detail;
  if (!started_as_worker().empty()) Runtime const serves_and_ends{argc, argv};
  int status = 1;
  try {
    status = run_command_line({argc, argv});
    print_out("", true);
  } catch (TypingError const& error) {
    complain(error.what());
    status = 2;
  } catch (std::exception const& error) {
    complain(error.what());
    status = 1;
  }
  finish_mpi();
  return status;
}

}  // namespace farm
