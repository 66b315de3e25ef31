#include "spawn/guard/split_guard.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/environment/worker_environment.hpp"
#include "spawn/guard/guard.hpp"
#include "spawn/guard/held_connections.hpp"
#include "spawn/guard/shared_page.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/process/pipe.hpp"
#include "spawn/process/program_arguments.hpp"
#include "spawn/process/signals.hpp"
#include "spawn/wire/shared_memory.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

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
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

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

/// How a rank executes the program anew. It is prepared before the fork: afterwards, in the copy of a process that has
/// several threads, only async-signal-safe functions may be called.
class Execution {
 public:
  /// `descriptors`: the rank's ends of its control stream, the shared page, and both ends of the connection holder.
  Execution(std::vector<std::string> words, std::array<int, 4> descriptors)
      : descriptors_(descriptors),
        words_(std::move(words)),
        arguments_(execution_list(words_)),
        lines_{fmt::format("{}={}", guard_descriptors_variable, fmt::join(descriptors, ","))} {
    auto const& worker = worker_environment();
    if (!worker.worker.empty()) lines_.push_back(fmt::format("{}={}", worker_variable, worker.worker));
    if (!worker.join_file.empty()) lines_.push_back(fmt::format("{}={}", join_file_variable, worker.join_file));
    for (char** entry = environ; *entry != nullptr; ++entry) environment_.push_back(*entry);
    for (auto& line : lines_) environment_.push_back(line.data());
    environment_.push_back(nullptr);
  }
  Execution(Execution const&) = delete;
  Execution& operator=(Execution const&) = delete;

  [[noreturn]] void run() const {
    for (int const descriptor : descriptors_) fcntl(descriptor, F_SETFD, 0);
    execve("/proc/self/exe", arguments_.data(), environment_.data());
    _exit(127);
  }

 private:
  std::array<int, 4> descriptors_;
  std::vector<std::string> words_;
  std::vector<char*> arguments_;
  std::vector<std::string> lines_;
  std::vector<char*> environment_;
};

/// In a rank that executes the program anew: its guard exists already.
GuardLink inherit_guard(char const* descriptors) {
  std::array<int, 4> found{};
  auto& [control, page, sending, receiving] = found;
  if (std::sscanf(descriptors, "%d,%d,%d,%d", &control, &page, &sending, &receiving) != 4) {  // NOLINT: written by us
    throw std::system_error(EINVAL, std::generic_category(), guard_descriptors_variable);
  }
  unsetenv(guard_descriptors_variable);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int const descriptor : found) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  set_connection_holder({Descriptor{sending}, Descriptor{receiving}});
  set_guard_link({Descriptor{control}, SharedMemory<SharedPage>::take(Descriptor{page}).release()});
  return guard_link();
}

[[noreturn]] void be_guard(GuardedRank rank) {
  pid_t const pid = rank.pid;
  prctl(PR_SET_NAME, "farm-guard");
  receive_signals();              // the rank's end comes as SIGCHLD, whatever the program or its launcher has blocked
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT: cannot fail
  try {
    run_guard(std::move(rank));
  } catch (std::exception const& e) {
    log_error(fmt::format("guard: {}", text_of(e)));
    kill(pid, SIGKILL);
    _exit(1);
  }
}

}  // namespace

GuardLink split_off_guard(std::optional<std::vector<std::string>> anew) {
  if (guard_link().guarded() || !guards_wanted()) return guard_link();
  if (char const* const descriptors = getenv(guard_descriptors_variable)) return inherit_guard(descriptors);
  auto page = SharedMemory<SharedPage>::make();
  auto control = make_control();
  auto holder = make_connection_holder();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  // the fork copies only the calling thread: a program with more can only start afresh
  std::optional<Execution> execution;
  if (anew || has_threads())
    execution.emplace(anew ? std::move(*anew) : command_line(),
                      std::array{control.rank.get(), page.descriptor(), holder.sending.get(), holder.receiving.get()});
  std::fflush(nullptr);
  pid_t const guard = getpid();
  pid_t const rank = fork();
  if (rank < 0) fail("fork");
  if (rank > 0) {
    control.rank = Descriptor{};
    holder.sending = Descriptor{};
    out.writing = Descriptor{};
    err.writing = Descriptor{};
    be_guard({.pid = rank,
              .control = std::move(control.guard),
              .out = std::move(out.reading),
              .err = std::move(err.reading),
              .connections = std::move(holder.receiving),
              .page = page.release()});
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guard) _exit(1);  // the guard died before prctl() took effect
  dup2(out.writing.get(), STDOUT_FILENO);
  dup2(err.writing.get(), STDERR_FILENO);
  if (execution) execution->run();
  set_connection_holder(std::move(holder));
  set_guard_link({std::move(control.rank), page.release()});
  return guard_link();
}

}  // namespace farm::detail
