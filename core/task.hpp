#pragma once

#include <farm/code_address.hpp>
#include <farm/future_state.hpp>
#include <farm/serialize.hpp>

#include <chrono>
#include <cstdint>
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
  [[nodiscard]] std::uint32_t attempt() const {
    return rare ? static_cast<std::uint32_t>(rare->losses.size()) + rare->restarts + 1 : 1;
  }

  Bytes call;
  CodeAddress code;
  std::unique_ptr<Rare> rare;
  std::uint64_t id = 0;
  std::int32_t priority = 0;
  std::int32_t ranks = 1;
  bool all_ranks = false;
};

using TaskPtr = IntrusivePtr<Task>;

}  // namespace farm::detail
