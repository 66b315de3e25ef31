#include "spawn/rank/split_guard.hpp"

#include "spawn/platform/pipe.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/platform/worker_environment.hpp"
#include "spawn/rank/guard.hpp"
#include "spawn/rank/shared_page.hpp"
#include "spawn/wire/shared_memory.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

[[noreturn]] void fail(char const* what) { throw std::system_error(errno, std::generic_category(), what); }

struct SocketPair {
  Descriptor guard;
  Descriptor rank;
};

SocketPair make_control() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("socketpair");
  return {Descriptor{ends[0]}, Descriptor{ends[1]}};
}

bool has_threads() {
  std::error_code error;
  std::filesystem::directory_iterator const tasks{"/proc/self/task", error};
  return !error && std::distance(begin(tasks), end(tasks)) > 1;
}

/// In the rank after the fork. The threads of the process are missing in this copy, so if it had any, only a fresh
/// execution of the program works.
[[noreturn]] void execute_anew(int control, int page, char** argv) {
  for (int const descriptor : {control, page}) fcntl(descriptor, F_SETFD, 0);
  setenv(guard_descriptors_variable, fmt::format("{},{}", control, page).c_str(), 1);
  execv("/proc/self/exe", argv);
  _exit(127);
}

/// In a rank that executes the program anew: its guard exists already.
GuardLink inherit_guard(char const* descriptors) {
  int control = -1;
  int page = -1;
  if (std::sscanf(descriptors, "%d,%d", &control, &page) != 2) {  // NOLINT: written by us
    throw std::system_error(EINVAL, std::generic_category(), guard_descriptors_variable);
  }
  unsetenv(guard_descriptors_variable);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int const descriptor : {control, page}) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  set_guard_link({Descriptor{control}, SharedMemory<SharedPage>::take(Descriptor{page}).release()});
  return guard_link();
}

[[noreturn]] void be_guard(GuardedRank rank) {
  pid_t const pid = rank.pid;
  prctl(PR_SET_NAME, "farm-guard");
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT: cannot fail
  try {
    run_guard(std::move(rank));
  } catch (std::exception const& e) {
    log_error(fmt::format("guard: {}", e.what()));
    kill(pid, SIGKILL);
    _exit(1);
  }
}

}  // namespace

GuardLink split_off_guard(char** argv) {
  if (!guards_wanted()) return {};
  if (char const* const descriptors = getenv(guard_descriptors_variable)) return inherit_guard(descriptors);
  auto page = SharedMemory<SharedPage>::make();
  auto control = make_control();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  std::fflush(nullptr);
  pid_t const guard = getpid();
  pid_t const rank = fork();
  if (rank < 0) fail("fork");
  if (rank > 0) {
    control.rank = Descriptor{};
    out.writing = Descriptor{};
    err.writing = Descriptor{};
    be_guard({.pid = rank,
              .control = std::move(control.guard),
              .out = std::move(out.reading),
              .err = std::move(err.reading),
              .page = page.release()});
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guard) _exit(1);  // the guard died before prctl() took effect
  dup2(out.writing.get(), STDOUT_FILENO);
  dup2(err.writing.get(), STDERR_FILENO);
  if (has_threads()) execute_anew(control.rank.get(), page.descriptor(), argv);
  set_guard_link({std::move(control.rank), page.release()});
  return guard_link();
}

}  // namespace farm::detail
