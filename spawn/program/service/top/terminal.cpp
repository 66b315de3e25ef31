#include "spawn/program/service/top/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

namespace farm::detail {
namespace {

constexpr std::string_view enter_sequence = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr std::string_view leave_sequence = "\x1b[0m\x1b[?25h\x1b[?1049l";

[[noreturn]] void fail(char const* what) { throw std::system_error(errno, std::generic_category(), what); }

/// Writes everything; returns false if the terminal has gone.
bool write_all(std::string_view text) noexcept {
  while (!text.empty()) {
    auto const written = write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd ready{STDOUT_FILENO, POLLOUT, 0};
      poll(&ready, 1, 1000);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

sigset_t read_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int const signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT}) sigaddset(&set, signal);
  return set;
}

}  // namespace

bool is_live_terminal() {
  auto const* const name = std::getenv("TERM");
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && name != nullptr && *name != '\0' &&
         std::string_view{name} != "dumb";
}

Terminal::Terminal() {
  auto const set = read_signals();
  pthread_sigmask(SIG_BLOCK, &set, &mask_before_);
  signals_ = Descriptor{signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (signals_.get() < 0 || tcgetattr(STDIN_FILENO, &before_) != 0) {
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    fail("the terminal cannot be used");
  }
  enter();
}

Terminal::~Terminal() {
  leave();
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void Terminal::enter() {
  auto raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN);  // Ctrl-C and Ctrl-Z stay signals
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0) fail("the terminal cannot be used");
  is_entered_ = true;
  write_all(enter_sequence);
}

void Terminal::leave() noexcept {
  if (!is_entered_) return;
  is_entered_ = false;
  write_all(leave_sequence);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

Terminal::Size Terminal::size() {
  winsize found{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0 || found.ws_col == 0 || found.ws_row == 0) return {};
  return {found.ws_col, found.ws_row};
}

void Terminal::take_signal(News& news) {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    int const signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGWINCH || signal == SIGCONT) {
      news.is_resized = true;
    } else if (signal == SIGTSTP) {
      leave();
      raise(SIGSTOP);
      enter();
      news.is_resized = true;
    } else {
      news.signal = signal;
    }
  }
}

Terminal::News Terminal::wait(int other, std::chrono::milliseconds limit) {
  std::array<pollfd, 3> ready{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0},
                              pollfd{other, POLLIN, 0}};
  News news;
  if (poll(ready.data(), ready.size(), static_cast<int>(limit.count())) < 0 && errno != EINTR) fail("poll");
  if (ready[1].revents != 0) take_signal(news);
  if (ready[0].revents != 0) {
    std::array<char, 256> bytes{};
    auto const count = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count > 0) news.keys.assign(bytes.data(), static_cast<std::size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) news.is_closed = true;
  }
  news.is_woken = ready[2].revents != 0;
  return news;
}

void Terminal::show(std::vector<std::string> const& lines) {
  std::string text = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i != 0) text += "\r\n";
    text += lines[i];
    text += "\x1b[K";
  }
  text += "\x1b[J";
  if (!write_all(text)) fail("the terminal has gone");
}

}  // namespace farm::detail
