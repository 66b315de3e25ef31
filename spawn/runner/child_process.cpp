#include "spawn/runner/child_process.hpp"

#include "spawn/process/program_arguments.hpp"
#include "spawn/process/signals.hpp"

#include <sys/prctl.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

namespace farm::detail {
namespace {

/// What the child needs. It shares the memory of this process until it executes the program.
struct Shared {
  ChildStart const& start;
  char* const* command;
  char* const* environment;
  pid_t parent;
  volatile StartedChild::Step failed = StartedChild::Step::none;
  volatile int error = 0;
};

/// Runs in the child. Calls only functions that a signal handler may call.
[[noreturn]] void become(Shared& shared) {
  auto const& start = shared.start;
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != shared.parent) _exit(127);
  sched_setaffinity(0, sizeof start.cores, &start.cores);
  dup2(start.input, STDIN_FILENO);
  dup2(start.output, STDOUT_FILENO);
  dup2(start.error, STDERR_FILENO);
  reset_signals();
  if (chdir(start.directory.c_str()) != 0) {
    shared.failed = StartedChild::Step::directory;
  } else {
    execve(start.file.c_str(), shared.command, shared.environment);
    shared.failed = StartedChild::Step::program;
  }
  shared.error = errno;
  _exit(127);
}

}  // namespace

[[gnu::noinline]] StartedChild start_child(ChildStart const& start) {
  auto const command = execution_list(start.command);
  auto const environment = execution_list(start.environment);
  Shared shared{.start = start, .command = command.data(), .environment = environment.data(), .parent = getpid()};
  // vfork takes as long for a large process as for a small one; the child calls only what may be called after it
  pid_t const child = vfork();     // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  if (child == 0) become(shared);  // NOLINT(clang-analyzer-unix.Vfork): it returns nowhere
  if (child < 0) return {.failed = StartedChild::Step::fork, .error = errno};
  if (shared.failed == StartedChild::Step::none) return {.process = child};
  return {.process = child, .failed = shared.failed, .error = shared.error};
}

}  // namespace farm::detail
