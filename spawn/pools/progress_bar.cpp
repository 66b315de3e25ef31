#include <farm/progress_bar.hpp>

#include "spawn/environment/launched_as.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace farm {
namespace {

using namespace std::chrono_literals;

/// Returns the width of the terminal that shows our standard output; 0 if the output goes elsewhere. mpiexec gives a
/// program a terminal even if mpiexec's own output is redirected. So under mpiexec this asks for the output of our
/// parent process, which is mpiexec.
int terminal_columns() {
  if (isatty(STDOUT_FILENO) == 0) return 0;
  int file = STDOUT_FILENO;
  if (detail::launched_as().by_mpiexec) {
    file = open(fmt::format("/proc/{}/fd/1", getppid()).c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return 0;
  }
  winsize size{};
  int const columns = ioctl(file, TIOCGWINSZ, &size) == 0 ? std::max<int>(size.ws_col, 0) : -1;
  bool const terminal = isatty(file) != 0;
  if (file != STDOUT_FILENO) close(file);
  if (!terminal) return 0;
  return columns > 0 ? columns : 80;
}

void show(std::string const& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

ProgressBar::ProgressBar(std::string title) : title_(std::move(title)), columns_(terminal_columns()) {}

void ProgressBar::operator()(Progress const& progress) {
  if (columns_ > 0) {
    draw(progress);
    return;
  }
  if (progress.total == 0) return;
  if (auto const quarter = 4 * progress.done / progress.total; quarter > quarter_) {
    quarter_ = quarter;
    show(fmt::format("{}: {} of {}\n", title_, progress.done, progress.total));
  }
}

void ProgressBar::draw(Progress const& progress) {
  if (progress.done >= progress.total) {
    show("\r\033[K");
    return;
  }
  auto const now = std::chrono::steady_clock::now();
  if (now - drawn_ < 50ms) return;
  drawn_ = now;
  auto const numbers = fmt::format("{}/{}", progress.done, progress.total);
  auto const room = static_cast<std::size_t>(columns_);
  auto const used = title_.size() + numbers.size() + 5;
  auto const width = room > used + 10 ? std::min<std::size_t>(room - used, 50) : 10;
  auto const filled = width * progress.done / progress.total;
  show(fmt::format("\r{} [{:=<{}}{: <{}}] {}", title_, "", filled, "", width - filled, numbers));
}

}  // namespace farm
