#pragma once

#include "spawn/program/map/completions.hpp"

#include <atomic>
#include <csignal>
#include <memory>

namespace farm::detail {

/// The signals that `map` handles itself. SIGUSR1 asks for a line of progress. With `drains`, the first SIGINT or
/// SIGTERM drains: tasks that run come to their end, and no other task starts. A second one ends the tasks, as the
/// first one does without `drains`.
///
/// One object may exist at a time, from before the Runtime until after it.
class SweepSignals {
 public:
  /// Wakes the thread that waits for the completions when a signal has come.
  SweepSignals(std::shared_ptr<Completions> completions, bool drains);
  SweepSignals(SweepSignals const&) = delete;
  SweepSignals& operator=(SweepSignals const&) = delete;
  ~SweepSignals();

  /// Returns true once if a line of progress was asked for since the last call.
  [[nodiscard]] bool take_request();
  /// Returns the signal that drains; 0 if none has come.
  [[nodiscard]] int drained_by() const { return drained_by_; }
  /// Returns the signal that ends the tasks; 0 if none has come. Known before the tasks end.
  [[nodiscard]] int interrupted_by() const { return interrupted_by_; }

 private:
  [[nodiscard]] bool on_signal(int signal);

  std::shared_ptr<Completions> completions_;
  bool drains_;
  std::atomic<int> drained_by_{0};
  std::atomic<int> interrupted_by_{0};
  struct sigaction before_ {};
};

}  // namespace farm::detail
