#include "spawn/launch/launcher_process.hpp"

#include "core/base/descriptor.hpp"
#include "core/base/settings.hpp"
#include "spawn/process/descendants.hpp"
#include "spawn/process/pipe.hpp"
#include "spawn/process/program_arguments.hpp"
#include "spawn/process/signals.hpp"
#include "spawn/process/standard_descriptors.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <asio/buffer.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// From the end of the command: processes that it has started may hold its output open for ever.
constexpr auto drain_limit = 200ms;
/// How often the command is looked at if the kernel (before 5.3) has no pidfd.
constexpr auto look_interval = 20ms;

/// How often a command that needs children is looked at, and how often it may have none, one look after the other.
constexpr auto children_interval = 1s;
constexpr int most_childless_looks = 2;

/// The first lines of the output mostly tell the cause of a failure, the last ones its outcome.
constexpr std::size_t most_first_lines = 3;
constexpr std::size_t most_last_lines = 4;
constexpr std::size_t longest_line = 200;

/// Why the forked process could not execute the command.
struct Failure {
  enum class Step : int { directory, program } step = Step::program;
  int error = 0;
};

/// Returns the line without superfluous blanks, and at most so long, with ? for bytes that a terminal must not get.
std::string cleaned(std::string_view line) {
  std::string kept;
  for (char const c : line.substr(0, longest_line)) {
    bool const is_space = c == ' ' || c == '\t' || c == '\r';
    if (is_space && (kept.empty() || kept.ends_with(' '))) continue;
    auto const code = static_cast<unsigned char>(c);
    kept += is_space ? ' ' : code < 0x20 || code >= 0x7f ? '?' : c;
  }
  while (kept.ends_with(' ')) kept.pop_back();
  return kept;
}

void close_others_on_exec() {
#ifdef SYS_close_range
  constexpr unsigned on_exec = 4;  // CLOSE_RANGE_CLOEXEC
  if (syscall(SYS_close_range, 3U, ~0U, on_exec) == 0) return;
#endif
  for (int descriptor = 3; descriptor < 1024; ++descriptor) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

/// Executes the command in the forked process. Calls only functions that a signal handler may call.
[[noreturn]] void become(char* const* command, char* const* environment, char const* directory, bool ends_with_thread,
                         pid_t parent, int out, int err, int failed) {
  setpgid(0, 0);
  if (ends_with_thread) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);
  }
  reset_signals();  // until now they are blocked: a handler of the parent must not run here
  int const nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  close_others_on_exec();
  Failure failure;
  if (directory != nullptr && chdir(directory) != 0) {
    failure = {.step = Failure::Step::directory, .error = errno};
  } else {
    execvpe(command[0], command, environment);
    failure = {.step = Failure::Step::program, .error = errno};
  }
  static_cast<void>(!write(failed, &failure, sizeof failure));
  _exit(127);
}

}  // namespace

LauncherProcess::LauncherProcess(asio::io_context& context, OnLines on_lines, OnEnded on_ended)
    : on_lines_(std::move(on_lines)),
      on_ended_(std::move(on_ended)),
      pipes_{Pipe{context}, Pipe{context}},
      exit_(context),
      watch_timer_(context),
      children_timer_(context),
      drain_timer_(context),
      kill_timer_(context) {}

LauncherProcess::~LauncherProcess() {
  if (process_ <= 0 || collected_) return;
  kill(-process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

std::shared_ptr<LauncherProcess> LauncherProcess::start(asio::io_context& context, Start const& start, OnLines on_lines,
                                                        OnEnded on_ended) {
  std::shared_ptr<LauncherProcess> self{new LauncherProcess{context, std::move(on_lines), std::move(on_ended)}};
  self->spawn(start);
  for (auto& pipe : self->pipes_) self->read(pipe);
  self->watch();
  if (start.needs_children) self->watch_children();
  return self;
}

void LauncherProcess::spawn(Start const& start) {
  open_standard_descriptors();
  auto out = make_pipe();
  auto err = make_pipe();
  auto failed = make_pipe();
  auto const command = execution_list(start.command);
  auto const environment = execution_list(start.environment);
  char const* const directory = start.directory.empty() ? nullptr : start.directory.c_str();
  pid_t const parent = getpid();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t const child = fork();
  if (child != 0) pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    become(command.data(), environment.data(), directory, start.ends_with_thread, parent, out.writing.get(),
           err.writing.get(), failed.writing.get());
  }
  setpgid(child, child);  // both processes do this, as either may be first
  for (auto* const pipe : {&out, &err, &failed}) pipe->writing = Descriptor{};
  Failure failure;
  ssize_t count = 0;
  do {
    count = ::read(failed.reading.get(), &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  if (count == sizeof failure) {
    waitpid(child, nullptr, 0);
    auto const why = std::generic_category().message(failure.error);
    if (failure.step == Failure::Step::directory) {
      throw SpawnError(fmt::format("working_directory {}: {}", start.directory, why));
    }
    throw SpawnError(fmt::format("the launcher {} could not be started: {}{}", start.command.front(), why,
                                 failure.error == ENOENT ? "; install it, put it in PATH, or name another with " +
                                                               setting_name(Setting::launcher)
                                                         : ""));
  }
  process_ = child;
  term_limit_ = start.term_limit;
  pipes_[0].stream = 1;
  pipes_[1].stream = 2;
  pipes_[0].descriptor.assign(out.reading.release());
  pipes_[1].descriptor.assign(err.reading.release());
}

void LauncherProcess::read(Pipe& pipe) {
  pipe.descriptor.async_read_some(asio::buffer(pipe.buffer),
                                  [self = shared_from_this(), &pipe](asio::error_code const& error, std::size_t count) {
                                    if (self->ended_) return;
                                    pipe.text.append(pipe.buffer.data(), count);
                                    pipe.open = !error;
                                    self->take_lines(pipe);
                                    if (pipe.open) return self->read(pipe);
                                    self->finish_if_drained();
                                  });
}

void LauncherProcess::take_lines(Pipe& pipe) {
  auto size = pipe.text.rfind('\n') + 1;  // 0 if there is none
  if (!pipe.open || (size == 0 && pipe.text.size() > pipe.buffer.size())) size = pipe.text.size();
  if (size == 0) return;
  auto const lines = std::string_view{pipe.text}.substr(0, size);
  for (std::size_t begin = 0; begin < lines.size();) {
    auto const end = std::min(lines.find('\n', begin), lines.size());
    keep(lines.substr(begin, end - begin), pipe.first_paragraph);
    begin = end + 1;
  }
  if (on_lines_) on_lines_(pipe.stream, lines);
  pipe.text.erase(0, size);
}

/// Keeps a line for captured_output() and probable_cause(), unless the line is blank or a rule.
void LauncherProcess::keep(std::string_view line, Paragraph& paragraph) {
  auto const is_rule = [](char c) { return std::string_view{"-=*_# \t\r"}.find(c) != std::string_view::npos; };
  if (std::all_of(line.begin(), line.end(), is_rule)) {
    paragraph.ended |= paragraph.lines != 0;
    return;
  }
  auto kept = cleaned(line);
  ++lines_kept_;
  constexpr std::string_view mark = "farm: ";
  if (kept.starts_with(mark) && error_of_farm_.lines == 0)
    error_of_farm_ = {.text = kept.substr(mark.size()), .lines = 1};
  // Hydra adds the functions through which the error went: [mpiexec@host] function (file:line): text
  bool const is_trace = kept.starts_with("[mpiexec@") || kept.starts_with("[proxy:");
  paragraph.ended |= is_trace && paragraph.lines != 0;
  if (!paragraph.ended) {
    paragraph.text += (paragraph.text.empty() ? "" : " ") + kept;
    ++paragraph.lines;
    paragraph.ended = paragraph.text.size() > longest_line;
  }
  if (first_lines_.size() < most_first_lines) return first_lines_.push_back(std::move(kept));
  last_lines_.push_back(std::move(kept));
  if (last_lines_.size() <= most_last_lines) return;
  last_lines_.pop_front();
  lines_left_out_ = true;
}

void LauncherProcess::watch() {
#ifdef SYS_pidfd_open
  auto const descriptor = static_cast<int>(syscall(SYS_pidfd_open, process_, 0U));
  if (descriptor >= 0) {
    exit_.assign(descriptor);
    exit_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](asio::error_code const& error) {
                       if (!error) self->collect();
                     });
    return;
  }
#endif
  watch_timer_.expires_after(look_interval);
  watch_timer_.async_wait([self = shared_from_this()](asio::error_code const& error) {
    if (error || self->collected_) return;
    self->collect();
    if (!self->collected_) self->watch();
  });
}

/// Hydra 4.0 waits for ever after its ssh has failed.
void LauncherProcess::watch_children() {
  children_timer_.expires_after(children_interval);
  children_timer_.async_wait([self = shared_from_this()](asio::error_code const& error) {
    if (error || self->collected_ || self->looks_left_-- == 0) return;
    self->childless_looks_ = has_living_child(self->process_) ? 0 : self->childless_looks_ + 1;
    if (self->childless_looks_ == most_childless_looks) return self->end();
    self->watch_children();
  });
}

void LauncherProcess::collect() {
  siginfo_t seen{};
  bool const gone = waitid(P_PID, static_cast<id_t>(process_), &seen, WEXITED | WNOHANG | WNOWAIT) == 0;
  if (gone && seen.si_pid == process_ && ending_) kill(-process_, SIGKILL);  // what the command has left behind
  int status = 0;
  pid_t const who = waitpid(process_, &status, WNOHANG);
  if (who == 0 || (who < 0 && errno != ECHILD)) return;
  if (who == process_) status_ = status;
  collected_ = true;
  kill_timer_.cancel();
  children_timer_.cancel();
  drain_timer_.expires_after(drain_limit);
  drain_timer_.async_wait([self = shared_from_this()](asio::error_code const& error) {
    if (error || self->ended_) return;
    for (auto& pipe : self->pipes_) {
      pipe.open = false;
      self->take_lines(pipe);
    }
    self->finish_if_drained();
  });
  finish_if_drained();
}

void LauncherProcess::finish_if_drained() {
  if (ended_ || !collected_ || pipes_[0].open || pipes_[1].open) return;
  auto const self = shared_from_this();
  ended_ = true;
  drain_timer_.cancel();
  asio::error_code ignored;
  for (auto& pipe : pipes_) pipe.descriptor.close(ignored);
  exit_.close(ignored);
  if (auto const on_ended = std::exchange(on_ended_, nullptr)) on_ended();
}

void LauncherProcess::end() {
  if (collected_ || ending_) return;
  ending_ = true;
  kill(-process_, SIGTERM);
  kill_timer_.expires_after(term_limit_);
  kill_timer_.async_wait([self = shared_from_this()](asio::error_code const& error) {
    if (!error && !self->collected_) kill(-self->process_, SIGKILL);
  });
}

void LauncherProcess::forget() { on_lines_ = nullptr, on_ended_ = nullptr; }

bool LauncherProcess::was_killed() const {
  if (collected_) return status_ && WIFSIGNALED(*status_);
  siginfo_t seen{};
  return process_ > 0 && waitid(P_PID, static_cast<id_t>(process_), &seen, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         seen.si_pid == process_ && (seen.si_code == CLD_KILLED || seen.si_code == CLD_DUMPED);
}

std::string LauncherProcess::exit_text() const {
  if (!collected_) return "is still running";
  if (!status_) return "has ended";
  if (WIFSIGNALED(*status_)) {
    char const* const description = strsignal(WTERMSIG(*status_));  // NOLINT: one thread
    return fmt::format("was ended by signal {} ({})", WTERMSIG(*status_),
                       description != nullptr ? description : "unknown");
  }
  return fmt::format("exited with status {}", WEXITSTATUS(*status_));
}

std::string LauncherProcess::captured_output() const {
  std::string text;
  for (auto const& line : first_lines_) text += (text.empty() ? "" : " / ") + line;
  if (lines_left_out_) text += " / ...";
  for (auto const& line : last_lines_) text += " / " + line;
  return text;
}

LauncherProcess::Paragraph const& LauncherProcess::cause() const {
  if (error_of_farm_.lines != 0) return error_of_farm_;
  return pipes_[1].first_paragraph.lines != 0 ? pipes_[1].first_paragraph : pipes_[0].first_paragraph;
}

std::string LauncherProcess::probable_cause() const {
  auto text = cause().text;
  if (text.size() > longest_line) text = text.substr(0, longest_line - 3) + "...";
  while (text.ends_with(':') || text.ends_with(' ') || text.ends_with('.')) {
    if (text.ends_with("...")) break;
    text.pop_back();
  }
  return text;
}

}  // namespace farm::detail
