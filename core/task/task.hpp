#pragma once

#include "core/resources/request.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/deadline.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/serialize.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace farm::detail {

/// One task, which is also the state that its futures share. Its members belong to the scheduler once it is submitted.
/// Since a million tasks may be queued at once, members that most tasks do not need are in `rare`.
class Task : public FutureState {
 public:
  struct Rare {
    Clock::duration timeout{0};                  ///< the time limit; 0: none
    Clock::time_point submitted;                 ///< set if there is a trace
    std::string name;                            ///< that the user has given; empty: none
    int retries = 0;                             ///< how often the task may still run again after it throws
    std::function<void(Task&)> stop;             ///< Stops the running task of a cancelled future; null: it cannot be.
    std::uint64_t group = 0;                     ///< the group that the task was sent to last
    std::vector<std::string> losses;             ///< one line for each group that the task has lost
    Bytes settings;                              ///< packed TaskSettings; empty: none
    int max_losses = 0;                          ///< 0: as the scheduler's options say
    std::optional<bool> rerun_after_exit;        ///< none: as the scheduler's options say
    std::uint32_t restarts = 0;                  ///< further attempts that do not count as losses
    std::vector<std::shared_ptr<void>> inputs;   ///< keep the files that the ranks read until the task is done
    std::vector<std::shared_ptr<void>> outputs;  ///< keep the files that the ranks made as long as there are futures
  };

  Task(CodeAddress code_address, Bytes packed_call) : call(std::move(packed_call)), code(code_address) {}

  Rare& make_rare() {
    if (!rare) rare = std::make_unique<Rare>();
    return *rare;
  }
  void release_inputs() {  // NOLINT(readability-make-member-function-const): what it owns changes
    if (rare) rare->inputs.clear();
  }
  void release_outputs() {  // NOLINT(readability-make-member-function-const): likewise
    if (rare) rare->outputs.clear();
  }
  /// Returns the number of the current attempt, from 1.
  [[nodiscard]] std::uint32_t attempt() const {
    return rare ? static_cast<std::uint32_t>(rare->losses.size()) + rare->restarts + 1 : 1;
  }

  /// Returns the name that the user has given; empty: none.
  [[nodiscard]] std::string name() const { return rare ? rare->name : std::string{}; }
  /// Returns "4", or "4 (sim 37)" for a task with a name: how messages name the task.
  [[nodiscard]] std::string label() const {
    auto text = std::to_string(id);
    if (rare && !rare->name.empty()) text.append(" (").append(rare->name).append(")");
    return text;
  }
  /// Returns the name, so that errors of tasks that wait for this one can tell it.
  [[nodiscard]] std::string description() const override { return name(); }

  [[nodiscard]] double progress() const noexcept override { return told_progress; }

  Bytes call;
  CodeAddress code;
  std::unique_ptr<Rare> rare;
  std::uint64_t id = 0;  ///< its number within the pool, in the order of submission, from 0
  std::int32_t priority = 0;
  std::int32_t ranks = 1;
  Request const* request = nullptr;  ///< what keep_request() returns, of so many ranks; null: nothing but the ranks
  bool all_ranks = false;
  bool staged_call = false;  ///< `call` is the handle of an array that holds the call
  bool listens = false;      ///< The function has a TaskContext, and so can notice a request to stop.
  bool alone = false;        ///< Only rank 0 works: a group of several ranks gets no task until this one is done.
  bool cancellable = false;  ///< The task may be cancelled while it runs. Does not change after submission.
  std::atomic<float> told_progress{0};
  float run_seconds = 0;  ///< how long its last attempt ran, as far as known; set before the task is done

 protected:
  bool request_stop() noexcept override {
    if (!cancellable || !set_cancelled()) return cancellable && status() == Status::cancelled;
    rare->stop(*this);
    return true;
  }
};

using TaskPtr = IntrusivePtr<Task>;

/// How many tasks ahead a loop over a long queue prefetches, since the tasks are not in the processor's caches.
inline constexpr std::size_t tasks_prefetched = 8;

/// Loads a task into the processor's caches.
inline void prefetch(Task const* task) {
  for (std::size_t i = 0; i < sizeof(Task); i += 64) __builtin_prefetch(reinterpret_cast<char const*>(task) + i, 1);
}

}  // namespace farm::detail
