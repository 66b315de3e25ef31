#include "spawn/environment/terminal.hpp"

#include "spawn/environment/launched_as.hpp"
#include "spawn/environment/parent_process.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>

namespace farm::detail {
namespace {

bool is_pipe(int file) {
  struct stat status {};
  return fstat(file, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

}  // namespace

int terminal_columns() {
  if (isatty(STDERR_FILENO) == 0 && !(launched_as().by_mpiexec && is_pipe(STDERR_FILENO))) return 0;
  int file = STDERR_FILENO;
  if (launched_as().by_mpiexec) {
    auto const mpiexec = launched_as().by_hydra ? parent_of(getppid()) : getppid();  // Hydra has a proxy between
    file = open(fmt::format("/proc/{}/fd/2", mpiexec).c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return 0;
  }
  winsize size{};
  int const columns = ioctl(file, TIOCGWINSZ, &size) == 0 ? std::max<int>(size.ws_col, 0) : -1;
  bool const terminal = isatty(file) != 0;
  if (file != STDERR_FILENO) ::close(file);
  if (!terminal) return 0;
  return columns > 0 ? columns : 80;
}

}  // namespace farm::detail
