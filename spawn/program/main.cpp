#include <farm/main.hpp>

#include "core/text/exception_text.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/program/command_line.hpp"
#include "spawn/program/kept_output.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/typing_error.hpp"

#include <farm/runtime.hpp>

#include <mpi.h>

#include <unistd.h>
#include <csignal>
#include <exception>
#include <system_error>

namespace farm {
namespace {

constexpr useconds_t lead_of_first_rank_us = 900'000;

/// Finalizes MPI if a Runtime could not be made after it had initialized MPI. mpiexec would report a crash otherwise.
void finish_mpi() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized != 0 && finalized == 0 && !detail::has_left_without_mpi()) MPI_Finalize();
}

}  // namespace

int run_main(int argc, char** argv) {
  using namespace detail;
  keep_output(argc, argv, environ);
  if (!started_as_worker().empty()) Runtime const serves_and_ends{argc, argv};
  int status = 1;
  try {
    status = run_command_line({argc, argv});
    print_out("", true);
  } catch (TypingError const& error) {
    complain(error.what());
    status = 2;
  } catch (std::system_error const& error) {
    status = error.code() == std::errc::broken_pipe ? 128 + SIGPIPE : 1;  // as in `| head -1`: the reader has enough
    if (status == 1) complain(error.what());
  } catch (std::exception const& error) {
    complain(text_of(error));
    status = 1;
  }
  finish_mpi();
  // mpiexec ends all ranks as soon as one has failed, so rank 0, which prints the error, must fail first.
  if (status != 0 && is_silent()) usleep(lead_of_first_rank_us);
  return status;
}

}  // namespace farm
