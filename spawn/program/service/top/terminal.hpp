#pragma once

#include "core/base/descriptor.hpp"

#include <termios.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <string>
#include <vector>

namespace farm::detail {

/// Returns true if the standard input and output are a terminal that can move its cursor.
[[nodiscard]] bool is_live_terminal();

/// A full screen of a terminal: keys come without an end of line, and the screen of before comes back at the end. One
/// object may exist at a time, and no other thread may have been started before it: it blocks the signals that it
/// reads. Functions throw std::system_error if the terminal has gone.
class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(Terminal const&) = delete;
  Terminal& operator=(Terminal const&) = delete;

  /// What has happened.
  struct News {
    std::string keys{};  ///< bytes that the terminal has sent
    int signal = 0;      ///< SIGINT, SIGTERM or SIGHUP: to end; 0: none has come
    bool is_resized = false;
    bool is_woken = false;   ///< by the other descriptor
    bool is_closed = false;  ///< no more keys will come
  };
  /// Waits until something has happened, `other` can be read, or `limit` has passed. Ctrl-Z stops this process in here,
  /// with the terminal as it was; after that the screen counts as resized.
  News wait(int other, std::chrono::milliseconds limit);

  struct Size {
    std::size_t width = 80;
    std::size_t height = 24;
  };
  [[nodiscard]] static Size size();
  /// Shows the lines in place of those before.
  void show(std::vector<std::string> const& lines);
  /// Gives the terminal back as it was. May be called more than once; the destructor does so too.
  void leave() noexcept;

 private:
  void enter();
  void take_signal(News& news);

  termios before_{};
  sigset_t mask_before_{};
  Descriptor signals_;
  bool is_entered_ = false;
};

}  // namespace farm::detail
