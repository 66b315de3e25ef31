#pragma once

namespace farm::detail {

/// Input that an io_context cannot wait for, since no event announces it: a SharedLoop polls it. All functions are
/// called by the thread that has the loop's turn.
class PolledInput {
 public:
  PolledInput() = default;
  PolledInput(PolledInput const&) = delete;
  PolledInput& operator=(PolledInput const&) = delete;
  virtual ~PolledInput() = default;
  /// Handles what has arrived. Returns false if nothing has.
  virtual bool poll() = 0;
  /// Called before the loop sleeps: from now on, senders must announce input by an event of the io_context. Returns
  /// false if input has arrived meanwhile; the loop must then poll instead of sleeping.
  [[nodiscard]] virtual bool prepare_to_sleep() = 0;
  /// Called after the loop has slept: senders need not announce input any more.
  virtual void wake_up() = 0;
};

}  // namespace farm::detail
