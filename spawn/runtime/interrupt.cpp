#include "spawn/runtime/interrupt.hpp"

#include "core/base/status_line.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/runtime/leave_program.hpp"

#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// The time that main has to return.
constexpr auto patience = 10s;
/// The same under a launcher: mpiexec kills processes one second after it has told them to end, and on a busy machine
/// less than that is left.
constexpr auto launcher_patience = 500ms;

/// Signals that end a program unless it handles them, and that users, batch systems and the system send to end it. Not
/// SIGQUIT and those of a program's faults: they are to leave a core file.
constexpr std::array handled{SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM, SIGPIPE};

std::atomic<int> received{0};

std::function<bool(int)>& first_handler() {
  static std::function<bool(int)> handler;
  return handler;
}

void remove_stage() {
  if (auto const* const run = current_stage_run()) run->remove_files();
}

}  // namespace

Interrupt::Interrupt(Hub& hub, bool killed_soon)
    : hub_(hub), killed_soon_(killed_soon), signals_(hub.context()), timer_(hub.context()) {
  for (int const signal : handled) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler == SIG_DFL) signals_.add(signal);
  }
  wait();
}

void Interrupt::ask_first(std::function<bool(int signal)> handler) { first_handler() = std::move(handler); }

int Interrupt::status() { return received == 0 ? 0 : 128 + received; }

std::exception_ptr Interrupt::error() {
  return std::make_exception_ptr(
      CancelledError(fmt::format("the program was interrupted by {}", strsignal(received))));  // NOLINT: one thread
}

void Interrupt::wait() {
  signals_.async_wait([this](asio::error_code const& error, int signal) {
    if (error) return;
    on_signal(signal);
    wait();
  });
}

void Interrupt::on_signal(int signal) {
  if (received != 0) {
    if (signal == SIGPIPE) return;  // whatever the program still writes
    leave_program(status());
  }
  if (first_handler() && first_handler()(signal)) return;
  received = signal;
  end_status_line();
  if (signal != SIGPIPE) {  // `| head -1` ends quietly
    log_error(fmt::format("{}: ending the tasks; once more to leave at once",
                          strsignal(signal)));  // NOLINT: one thread
  }
  hub_.interrupt(error());
  bool const hurry = killed_soon_ && (signal == SIGTERM || signal == SIGHUP);
  if (hurry) remove_stage();
  timer_.expires_after(hurry ? Clock::duration{launcher_patience} : Clock::duration{patience});
  timer_.async_wait([](asio::error_code const& error) {
    if (!error) leave_program(status());
  });
}

}  // namespace farm::detail
