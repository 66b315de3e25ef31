#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <exception>
#include <functional>

namespace farm::detail {

class Hub;

/// Handles the signals that end a master which does not handle them itself: SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2,
/// SIGXCPU, SIGALRM and SIGPIPE. The first signal ends all tasks as cancelled and kills their ranks; main sees this by
/// its futures, and has 10 s to return, or half a second if a launcher kills the master soon. The exit status is 128 +
/// signal, whatever main returns. The second signal, unless it is SIGPIPE, ends the program at once. In both cases no
/// files and no processes are left behind. SIGPIPE prints nothing: nobody reads the output any more.
class Interrupt {
 public:
  /// Leaves signals alone whose handling the program has changed. Call it on the hub's thread. `killed_soon`: a
  /// launcher kills this process soon after it was sent SIGTERM or SIGHUP.
  Interrupt(Hub& hub, bool killed_soon);
  Interrupt(Interrupt const&) = delete;
  Interrupt& operator=(Interrupt const&) = delete;
  ~Interrupt() = default;

  /// Sets a function that is asked first, until the tasks are being ended; null for none. It is called on the hub's
  /// thread with each of these signals, and returns true if nothing else is to happen. Call this while there is no
  /// Runtime.
  static void ask_first(std::function<bool(int signal)> handler);

  /// Returns the exit status of an interrupted program; 0 if this program was not interrupted.
  [[nodiscard]] static int status();
  /// Returns the error of all tasks of an interrupted program.
  [[nodiscard]] static std::exception_ptr error();

 private:
  void wait();
  void on_signal(int signal);

  Hub& hub_;
  bool killed_soon_;
  asio::signal_set signals_;
  asio::steady_timer timer_;
};

}  // namespace farm::detail
