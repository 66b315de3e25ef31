#include "spawn/process/signals.hpp"

#include <pthread.h>
#include <csignal>

namespace farm::detail {
namespace {

thread_local bool forks_receive_signals = false;

void block_none() noexcept {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void at_fork_in_child() {
  if (forks_receive_signals) receive_signals();
}

}  // namespace

void reset_signals() noexcept {
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);  // NOLINT: fails for SIGKILL, as it may
  block_none();
}

void receive_signals() noexcept {
  std::signal(SIGCHLD, SIG_DFL);  // NOLINT: cannot fail
  block_none();
}

ForksReceiveSignals::ForksReceiveSignals() {
  static int const registered = pthread_atfork(nullptr, nullptr, &at_fork_in_child);
  static_cast<void>(registered);
  forks_receive_signals = true;
}

ForksReceiveSignals::~ForksReceiveSignals() { forks_receive_signals = false; }

}  // namespace farm::detail
