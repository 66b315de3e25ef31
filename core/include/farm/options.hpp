#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace farm {

/// How one task is to be run. `submit(TaskOptions{.priority = 1}, f, args...)`.
struct TaskOptions {
  /// Ranks that run it; 0: as many as the pool gives each task. At most the pool's max_ranks.
  int ranks = 0;
  /// Tasks of higher priority start first; equals in order of submission.
  int priority = 0;
  /// How long it may run, from when its ranks start it; then it fails with TimeoutError and is stopped: one that has a
  /// TaskContext is asked to, and its group is ended after the pool's grace; any other is ended with its group at once.
  /// None: no limit.
  std::optional<std::chrono::nanoseconds> timeout{};
  /// cancel() of its future is true while it runs, too: it is stopped as after a timeout. Not in an MPICommExecutor.
  bool cancellable = false;
  /// How often it is run again after it threw. The last error is the one that counts.
  int retries = 0;
};

/// What submit() does when a pool has as many tasks as it may have.
enum class WhenFull : std::uint8_t {
  wait,    ///< blocks until one is done; in a callback of a future, which must not block, it refuses
  refuse,  ///< throws QueueFull
};

/// How many tasks of a pool may be queued or running at once, so that the memory for them is bounded.
struct QueueLimit {
  std::size_t tasks = 0;  ///< 0: no limit. A chunk of a map is one task.
  WhenFull when_full = WhenFull::wait;
};

/// A task whose future holds the results of all its ranks, in rank order: `submit(all_ranks, f, args...)`, or
/// `submit(all_ranks(TaskOptions{...}), f, args...)`.
struct AllRanks {
  TaskOptions options{};
  constexpr AllRanks operator()(TaskOptions task_options) const { return {task_options}; }
};
inline constexpr AllRanks all_ranks{};

/// What a map tells of its progress, in inputs.
struct Progress {
  std::size_t done = 0;
  std::size_t total = 0;  ///< with a buffersize: those that were taken so far
};

/// The last argument of map and starmap. Each option is checked at the call: UsageError.
struct MapOptions {
  /// Inputs that travel in one message and run one after the other on one group. >= 1.
  std::int64_t chunksize = 1;
  /// For the whole map, from its call; then TimeoutError. What has started goes on.
  std::optional<std::chrono::nanoseconds> timeout{};
  /// The results in the order in which they are there, not in that of the inputs.
  bool unordered = false;
  /// Inputs that are taken ahead of the results that were given; a chunk holds no more. 0: all inputs at the call.
  std::int64_t buffersize = 0;
  int priority = 0;
  /// Called on the calling thread, from time to time and at the end.
  std::function<void(Progress const&)> progress{};
};

}  // namespace farm
