#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <exception>

namespace farm::detail {

class Hub;

/// What SIGINT, SIGTERM and SIGHUP do to a master that has not said otherwise: all tasks end as cancelled and their
/// ranks are ended; main, which is told by its futures, has some seconds to come to its end, or one where a launcher
/// will not wait. The exit status is 128 + signal, whatever main returns. The second signal ends the program at once.
/// Either way nothing is left behind.
class Interrupt {
 public:
  /// Signals whose handling the program has changed are left alone. On the hub's thread.
  Interrupt(Hub& hub, bool launched);
  Interrupt(Interrupt const&) = delete;
  Interrupt& operator=(Interrupt const&) = delete;
  ~Interrupt();

  /// The status to exit with, once the program was interrupted; else 0.
  [[nodiscard]] static int status();
  /// What tasks end with once it was.
  [[nodiscard]] static std::exception_ptr error();

 private:
  void wait();
  void on_signal(int signal);

  Hub& hub_;
  bool launched_;
  asio::signal_set signals_;
  asio::steady_timer timer_;
};

}  // namespace farm::detail
