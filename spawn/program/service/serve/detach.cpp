#include "spawn/program/service/serve/detach.hpp"

#include "spawn/process/pipe.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

/// In the process that waits: the first byte is the status, the rest is the text.
[[noreturn]] void wait_for(pid_t child, Descriptor const& pipe) {
  std::string said;
  char buffer[4096];  // NOLINT
  for (ssize_t count = 0; (count = read(pipe.get(), static_cast<char*>(buffer), sizeof buffer)) != 0;) {
    if (count > 0) said.append(static_cast<char*>(buffer), static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) break;
  }
  if (said.empty()) {  // it has died without a word
    int status = 0;
    waitpid(child, &status, 0);
    _exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
  }
  auto const status = static_cast<int>(said.front());
  std::fwrite(said.data() + 1, 1, said.size() - 1, status == 0 ? stdout : stderr);
  std::fflush(nullptr);
  _exit(status);
}

}  // namespace

Detached::Detached(std::string const& log) {
  auto pipe = make_pipe();
  Descriptor const out{open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  if (!out) throw std::system_error(errno, std::generic_category(), log);
  std::fflush(nullptr);
  pid_t const child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child > 0) {
    pipe.writing = Descriptor{};
    wait_for(child, pipe.reading);
  }
  setsid();
  Descriptor const nothing{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  dup2(nothing.get(), STDIN_FILENO);
  dup2(out.get(), STDOUT_FILENO);
  dup2(out.get(), STDERR_FILENO);
  pipe_ = std::move(pipe.writing);
}

void Detached::tell(std::string const& text, int status) {
  if (!pipe_) return;
  auto const message = static_cast<char>(status) + text;
  for (std::size_t sent = 0; sent < message.size();) {
    auto const count = write(pipe_.get(), message.data() + sent, message.size() - sent);
    if (count < 0 && errno != EINTR) break;
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
  pipe_ = Descriptor{};
}

}  // namespace farm::detail
