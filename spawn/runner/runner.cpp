#include "spawn/runner/runner.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/process/descendants.hpp"
#include "spawn/process/signals.hpp"
#include "spawn/runner/runner_messages.hpp"
#include "spawn/runner/running_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

namespace farm::detail {
namespace {

/// Closes what the rank had open: others would wait for the end of its files in vain.
void close_all_but(int kept) {
  auto const close_range = [](unsigned first, unsigned last) {
#ifdef SYS_close_range
    if (first > last || syscall(SYS_close_range, first, last, 0U) == 0) return;
#endif
    for (unsigned each = first; each <= std::min(last, 65535U); ++each) ::close(static_cast<int>(each));
  };
  close_range(0, static_cast<unsigned>(kept) - 1);
  close_range(static_cast<unsigned>(kept) + 1, ~0U);
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    if (fcntl(number, F_GETFD) < 0) static_cast<void>(open("/dev/null", O_RDWR | O_CLOEXEC));
  }
}

int watch_signals() {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

int watch_process([[maybe_unused]] pid_t process) {
#ifdef SYS_pidfd_open
  return static_cast<int>(syscall(SYS_pidfd_open, process, 0U));
#else
  return -1;
#endif
}

/// The directory in which MPI and its launcher keep their own files while a program runs.
class SessionDirectory {
 public:
  SessionDirectory() = default;
  SessionDirectory(SessionDirectory const&) = delete;
  SessionDirectory& operator=(SessionDirectory const&) = delete;
  ~SessionDirectory() { remove(); }

  void use(std::string const& path) {
    if (path == path_ || path.empty()) return;
    remove();
    path_ = path;
    mkdir(path.c_str(), S_IRWXU);
  }
  /// Removes what a program has left there. A directory without directories in it has two links.
  void clear() const {
    struct stat status {};
    std::error_code error;
    if (path_.empty() || stat(path_.c_str(), &status) != 0 || status.st_nlink <= 2) return;
    for (auto const& entry : std::filesystem::directory_iterator{path_, error})
      std::filesystem::remove_all(entry, error);
  }

 private:
  void remove() const {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }

  std::string path_;
};

class Runner {
 public:
  Runner(int socket, pid_t rank)
      : events_{.rank = socket, .process = watch_process(rank), .signals = watch_signals(), .memory = &memory_} {}

  /// Returns when the rank is gone.
  void serve() {
    while (wait_for_start()) {
      MessageHead head;
      std::array<int, 2> descriptors{-1, -1};
      if (!receive_head(events_.rank, head, descriptors)) return;
      Descriptor const output{descriptors[0]};
      Descriptor const error{descriptors[1]};
      if (head.size == stop_program) continue;  // the program has ended meanwhile
      Bytes bytes(head.size, '\0');
      if (!receive_bytes(events_.rank, bytes.data(), bytes.size())) return;
      auto const start = unpack<ProgramStart>(bytes);
      session_.use(start.session);
      RunningProgram program{start, events_, output.get(), error.get()};
      auto const end = program.run();
      session_.clear();
      if (program.rank_is_gone() || !send_message(events_.rank, pack(end), {})) return;
    }
  }

 private:
  [[nodiscard]] bool wait_for_start() const {
    for (;;) {
      std::array<pollfd, 2> events{pollfd{.fd = events_.rank, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = events_.process, .events = POLLIN, .revents = 0}};
      if (poll(events.data(), events.size(), -1) < 0 && errno != EINTR) return false;
      if (events[1].revents != 0) return false;
      if (events[0].revents != 0) return true;
    }
  }

  OutOfMemory memory_;
  RunnerEvents events_;
  SessionDirectory session_;
};

[[noreturn]] void be_runner(int socket, pid_t rank) {
  setsid();
  reset_signals();
  for (int const number : {SIGPIPE, SIGHUP, SIGINT, SIGTERM}) std::signal(number, SIG_IGN);  // NOLINT: cannot fail
  prctl(PR_SET_NAME, "farm-runner");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int const kept = fcntl(socket, F_DUPFD_CLOEXEC, 3);
  close_all_but(kept);
  static_cast<void>(!chdir("/"));
  try {
    Runner{kept, rank}.serve();
  } catch (std::exception const&) {  // the rank finds the socket closed
  }
  end_children();
  _exit(0);
}

[[noreturn]] void fail(char const* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

StartedRunner start_runner() {
  std::array<int, 2> sockets{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) fail("socketpair");
  Descriptor own{sockets[0]};
  Descriptor const other{sockets[1]};
  pid_t const rank = getpid();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a handler of this process must not run in the other ones
  pid_t const between = fork();
  if (between == 0) {
    pid_t const runner = fork();
    if (runner == 0) be_runner(other.get(), rank);
    static_cast<void>(!write(other.get(), &runner, sizeof runner));
    _exit(0);
  }
  auto const why = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = why;
  if (between < 0) fail("fork");
  while (waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_t runner = -1;
  if (!receive_bytes(own.get(), &runner, sizeof runner) || runner < 0) {
    errno = EAGAIN;
    fail("fork");
  }
  return {.socket = std::move(own), .process = runner};
}

}  // namespace farm::detail
