#pragma once

/// What a process inherits from the one that started it: which signals are blocked, and which are ignored.
namespace farm::detail {

/// Gives all signals their default action, and blocks none. Async-signal-safe.
void reset_signals() noexcept;

/// Makes this process notice the end of its children: SIGCHLD is neither ignored nor blocked any more. Blocks no other
/// signal either.
void receive_signals() noexcept;

/// During its lifetime, processes that this thread forks begin with no signal blocked and with the default action for
/// SIGCHLD. Needed by: Open MPI 4, whose MPI_Init forks a daemon if no launcher has started the program; the daemon
/// waits for SIGCHLD for ever if it inherits a mask that blocks it.
class ForksReceiveSignals {
 public:
  ForksReceiveSignals();
  ForksReceiveSignals(ForksReceiveSignals const&) = delete;
  ForksReceiveSignals& operator=(ForksReceiveSignals const&) = delete;
  ~ForksReceiveSignals();
};

}  // namespace farm::detail
