#include "spawn/runtime/leave_program.hpp"

#include "spawn/platform/pmix.hpp"

#include <farm/stage_run.hpp>

#include <mpi.h>

#include <unistd.h>
#include <cstdio>

namespace farm::detail {

void leave_program(int status) {
  if (auto const* const run = current_stage_run()) run->remove_files();
  std::fflush(nullptr);
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) keep_status_of_exit();
  _exit(status);
}

}  // namespace farm::detail
