#pragma once

#include <farm/detail/code_address.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/serialize.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace farm::detail {

using Clock = std::chrono::steady_clock;

/// One task, which is also the state that its futures share. Its members belong to the scheduler once it is submitted.
/// A million may be queued at once: what most tasks do not need is in `rare`.
class Task : public FutureState {
 public:
  struct Rare {
    Clock::duration timeout{0};                  ///< 0: none
    Clock::time_point submitted;                 ///< known where there is a trace
    int retries = 0;                             ///< that are left after an error of its own
    std::function<void(Task&)> stop;             ///< where it may be cancelled while it runs: its future is done
    std::uint64_t group = 0;                     ///< to which it was sent last
    std::vector<std::string> losses;             ///< one line for each group that was lost under it
    std::uint32_t restarts = 0;                  ///< how often it was begun again for what was not its doing
    std::vector<std::shared_ptr<void>> inputs;   ///< keep files that its ranks read, until it is done
    std::vector<std::shared_ptr<void>> outputs;  ///< keep files that its ranks have made, as long as its futures
  };

  Task(CodeAddress code_address, Bytes packed_call) : call(std::move(packed_call)), code(code_address) {}

  Rare& make_rare() {
    if (!rare) rare = std::make_unique<Rare>();
    return *rare;
  }
  void release_inputs() {  // NOLINT(readability-make-member-function-const): what it owns changes
    if (rare) rare->inputs.clear();
  }
  void release_outputs() {  // NOLINT(readability-make-member-function-const): the same
    if (rare) rare->outputs.clear();
  }
  [[nodiscard]] std::uint32_t attempt() const {
    return rare ? static_cast<std::uint32_t>(rare->losses.size()) + rare->restarts + 1 : 1;
  }

  [[nodiscard]] double progress() const noexcept override { return told_progress; }

  Bytes call;
  CodeAddress code;
  std::unique_ptr<Rare> rare;
  std::uint64_t id = 0;
  std::int32_t priority = 0;
  std::int32_t ranks = 1;
  bool all_ranks = false;
  bool listens = false;      ///< its function asks whether it is to stop
  bool cancellable = false;  ///< while it runs; not changed once it is submitted
  std::atomic<float> told_progress{0};

 protected:
  bool request_stop() noexcept override {
    if (!cancellable || !set_cancelled()) return cancellable && status() == Status::cancelled;
    rare->stop(*this);
    return true;
  }
};

using TaskPtr = IntrusivePtr<Task>;

}  // namespace farm::detail
