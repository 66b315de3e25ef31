#include "spawn/runner/running_program.hpp"

#include "core/base/host_name.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/process/descendants.hpp"
#include "spawn/process/pipe.hpp"
#include "spawn/runner/child_process.hpp"
#include "spawn/runner/find_program.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// A launcher ends its processes on other hosts only if it has time to.
constexpr auto launcher_term_limit = 2s;
/// So much of the standard error is looked at for its last lines.
constexpr std::size_t looked_at = 4096;
/// A pipe that poll() calls writable takes so much at once without blocking.
constexpr std::size_t most_forwarded = 4096;
/// How often a launcher is looked at, in milliseconds.
constexpr int look_interval = 250;

std::string message_of(int error) { return std::generic_category().message(error); }

Descriptor open_output(char const* what, std::string const& path) {
  Descriptor file{open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666)};
  if (!file) throw UsageError(fmt::format("{} {} cannot be written: {}", what, path, message_of(errno)));
  return file;
}

/// Returns a file with this content, at its beginning.
Descriptor file_with(std::string_view text) {
  Descriptor file{memfd_create("standard-input", MFD_CLOEXEC)};
  while (file && !text.empty()) {
    auto const count = write(file.get(), text.data(), text.size());
    if (count <= 0) break;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (!file || !text.empty()) throw UsageError(fmt::format("the program's input: {}", message_of(errno)));
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

void make_directory(std::string const& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw UsageError(fmt::format("the directory {} cannot be made: {}", path, error.message()));
}

void check_directory_of_program(std::string const& path) {
  if (access(path.c_str(), X_OK) != 0)
    throw UsageError(fmt::format("the directory {} cannot be entered: {}", path, message_of(errno)));
}

/// Returns true if a process that the launcher has started runs on this host, or if the launcher's connection to
/// another host does. Those of Hydra are children of its proxy, which does not collect them while their output is open.
bool has_processes(pid_t launcher) {
  auto const all = children_of(launcher);
  return std::any_of(all.begin(), all.end(), [](pid_t child) {
    std::string name;
    std::getline(std::ifstream{fmt::format("/proc/{}/comm", child)}, name);
    return name != "hydra_pmi_proxy" || has_living_child(child);
  });
}

void set_nonblocking(Descriptor const& pipe) { fcntl(pipe.get(), F_SETFL, O_NONBLOCK); }

}  // namespace

RunningProgram::RunningProgram(ProgramStart const& start, RunnerEvents const& events, int output, int error)
    : start_(start),
      events_(events),
      output_(output),
      error_(error),
      output_tail_(start.capture),
      error_tail_(std::max<std::size_t>(start.capture, looked_at)) {}

ProgramEnd RunningProgram::run() {
  try {
    open_files();
    start_process();
  } catch (std::exception const& error) {
    end_.refusal = text_of(error);
    return std::move(end_);
  }
  watch();
  end_.exit.host = host_name();
  end_.exit.output = output_tail_.text();
  end_.exit.output_bytes = output_tail_.count();
  end_.exit.error_bytes = error_tail_.count();
  end_.last_lines = last_errors();
  if (start_.capture > 0) {
    auto text = error_tail_.text();
    end_.exit.errors = text.size() > start_.capture ? text.substr(text.size() - start_.capture) : std::move(text);
  }
  return std::move(end_);
}

void RunningProgram::open_files() {
  if (start_.make_directory) make_directory(start_.directory);
  check_directory_of_program(start_.directory);
  if (!start_.input_file.empty()) {
    input_file_ = Descriptor{open(start_.input_file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!input_file_) {
      throw UsageError(fmt::format("the input file {} cannot be read: {}", start_.input_file, message_of(errno)));
    }
  } else if (!start_.input.empty()) {
    input_file_ = file_with(start_.input);
  } else {
    input_file_ = Descriptor{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  }
  if (!start_.output_file.empty()) output_file_ = open_output("the output file", start_.output_file);
  if (!start_.error_file.empty() && start_.error_file != start_.output_file)
    error_file_ = open_output("the error file", start_.error_file);
}

void RunningProgram::start_process() {
  auto const path = value_in(start_.environment, "PATH");
  auto const file = find_program(start_.command.front(), path, start_.directory);
  int const given_output = output_file_ ? output_file_.get() : output_;
  Pipe output;
  if (!output_file_ && start_.capture > 0) output = make_pipe();
  Pipe errors;
  if (start_.error_file.empty()) errors = make_pipe();
  int const given_error = errors.writing ? errors.writing.get() : error_file_ ? error_file_.get() : given_output;
  cpu_set_t cores{};
  std::memcpy(&cores, start_.cores.data(), std::min(sizeof cores, start_.cores.size()));
  begin_ = Clock::now();
  auto const child = start_child({.file = file,
                                  .command = start_.command,
                                  .environment = start_.environment,
                                  .directory = start_.directory,
                                  .input = input_file_.get(),
                                  .output = output.writing ? output.writing.get() : given_output,
                                  .error = given_error,
                                  .cores = cores});
  if (child.failed != StartedChild::Step::none) {
    if (child.process > 0) waitpid(child.process, nullptr, 0);
    if (child.failed == StartedChild::Step::program) throw UsageError(execution_failure(file, child.error));
    auto const what = child.failed == StartedChild::Step::fork ? std::string{"no process could be made"}
                                                               : "the directory " + start_.directory;
    throw UsageError(fmt::format("{}: {}", what, message_of(child.error)));
  }
  process_ = child.process;
  output_pipe_ = std::move(output.reading);
  error_pipe_ = std::move(errors.reading);
  if (output_pipe_) set_nonblocking(output_pipe_);
  if (error_pipe_) set_nonblocking(error_pipe_);
}

bool RunningProgram::is_done() const {
  return has_ended_ && ((!output_pipe_ && !error_pipe_ && unforwarded_.empty()) || is_stopping_);
}

/// Waits for the end of the program, and passes on what it writes meanwhile.
void RunningProgram::watch() {
  while (!is_done()) {
    bool const forwards = !unforwarded_.empty();
    std::array<pollfd, 6> events{
        pollfd{.fd = rank_is_gone_ ? -1 : events_.rank, .events = POLLIN, .revents = 0},
        pollfd{.fd = rank_is_gone_ ? -1 : events_.process, .events = POLLIN, .revents = 0},
        pollfd{.fd = events_.signals, .events = POLLIN, .revents = 0},
        pollfd{.fd = output_pipe_.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = forwards ? -1 : error_pipe_.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = forwards ? error_ : -1, .events = POLLOUT, .revents = 0},
    };
    if (poll(events.data(), events.size(), milliseconds_to_wait()) < 0 && errno != EINTR) break;
    if (events[0].revents != 0 || events[1].revents != 0) heed_rank();
    if (events[3].revents != 0) read_output();
    if (events[5].revents != 0) forward_errors();
    if (events[4].revents != 0) read_errors();
    if (events[2].revents != 0) collect();
    if (!has_ended_ && Clock::now() >= kill_at_) kill(-process_, SIGKILL);
    if (!has_ended_ && start_.is_launcher) end_what_holds_launcher();
  }
}

/// mpiexec waits for the end of its processes' output, which processes that they have left behind may hold open for
/// ever. Once mpiexec has no processes of its own on this host, all others are such.
void RunningProgram::end_what_holds_launcher() const {
  auto const all = children();
  if (all.size() < 2 || has_processes(process_)) return;
  for (auto const each : all) {
    if (each != process_) kill(each, SIGKILL);
  }
}

int RunningProgram::milliseconds_to_wait() const {
  if (has_ended_) return -1;
  if (kill_at_ == Clock::time_point::max()) return start_.is_launcher ? look_interval : -1;
  auto const left = std::chrono::ceil<std::chrono::milliseconds>(kill_at_ - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 20));  // a process may need a while to die
}

/// The rank says stop, or is gone.
void RunningProgram::heed_rank() {
  char bytes[sizeof(MessageHead)];
  auto const count = recv(events_.rank, bytes, sizeof bytes, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    pollfd process{.fd = events_.process, .events = POLLIN, .revents = 0};
    if (events_.process < 0 || poll(&process, 1, 0) <= 0) return;
  }
  rank_is_gone_ = count <= 0;
  stop();
}

void RunningProgram::stop() {
  unforwarded_.clear();
  if (std::exchange(is_stopping_, true) && !rank_is_gone_) return;
  if (has_ended_) return;
  auto const limit = !rank_is_gone_       ? std::chrono::milliseconds{start_.term_limit}
                     : start_.is_launcher ? std::chrono::milliseconds{launcher_term_limit}
                                          : 0ms;
  kill_at_ = Clock::now() + limit;
  kill(-process_, limit.count() > 0 ? SIGTERM : SIGKILL);
}

/// A child has ended: the program, or a process that it has left behind.
void RunningProgram::collect() {
  signalfd_siginfo info{};
  static_cast<void>(!read(events_.signals, &info, sizeof info));
  if (!has_ended_) collect_main();
}

void RunningProgram::collect_main() {
  int status = 0;
  rusage usage{};
  if (wait4(process_, &status, WNOHANG, &usage) != process_) return;
  has_ended_ = true;
  auto& exit = end_.exit;
  exit.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  exit.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  exit.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + exit.signal;
  exit.peak_memory = std::int64_t{usage.ru_maxrss} * 1024;
  bool const is_killed = exit.signal == SIGKILL || (start_.is_launcher && exit.status == 128 + SIGKILL);
  end_.lacked_memory = is_killed && !is_stopping_ && events_.memory->has_killed(process_);
  if (end_children() == 0) return;  // what is left holds the pipes
  output_pipe_ = Descriptor{};
  error_pipe_ = Descriptor{};
}

void RunningProgram::read_output() {
  std::array<char, 65536> buffer;
  auto const count = read(output_pipe_.get(), buffer.data(), buffer.size());
  if (count > 0) return output_tail_.add({buffer.data(), static_cast<std::size_t>(count)});
  if (count == 0 || (errno != EAGAIN && errno != EINTR)) output_pipe_ = Descriptor{};
}

void RunningProgram::read_errors() {
  std::array<char, 65536> buffer;
  bool const forwards = start_.capture == 0;
  auto const count = read(error_pipe_.get(), buffer.data(), forwards ? most_forwarded : buffer.size());
  if (count > 0) {
    std::string_view const text{buffer.data(), static_cast<std::size_t>(count)};
    error_tail_.add(text);
    if (forwards && !is_stopping_) unforwarded_ = text;
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    error_pipe_ = Descriptor{};
  }
}

void RunningProgram::forward_errors() {
  auto const count = write(error_, unforwarded_.data(), unforwarded_.size());
  if (count < 0 && errno == EINTR) return;
  unforwarded_.erase(0, count > 0 ? static_cast<std::size_t>(count) : std::string::npos);
}

std::string RunningProgram::last_errors() const {
  if (start_.error_file.empty()) return last_lines(error_tail_.text());
  std::string text(looked_at, '\0');
  Descriptor const file{open(start_.error_file.c_str(), O_RDONLY | O_CLOEXEC)};
  auto const size = file ? lseek(file.get(), 0, SEEK_END) : 0;
  auto const begin = std::max<off_t>(0, size - static_cast<off_t>(looked_at));
  auto const count = file ? pread(file.get(), text.data(), text.size(), begin) : 0;
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return last_lines(text);
}

}  // namespace farm::detail
