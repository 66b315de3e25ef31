#pragma once

#include "core/task/task.hpp"
#include "spawn/cache/result_cache.hpp"
#include "spawn/cached_calls/cache_thread.hpp"

#include <farm/detail/packed_call.hpp>
#include <farm/initializer.hpp>
#include <farm/options.hpp>
#include <farm/worker_options.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// The cache of a pool: finds the results of its tasks, and keeps new ones. Thread-safe.
class TaskCache {
 public:
  /// Completes the future of a task that has run, with its value or an error. Called on the cache's thread.
  using Finish = std::function<void(TaskPtr const& task, FutureState::Result value)>;

  /// Makes the directory unless it is there. Throws UsageError if it cannot be used, or if the initializer's function
  /// has two versions; and StageError if an array that the initializer is given cannot be read.
  TaskCache(std::string const& directory, WorkerOptions const& workers, Initializer const& initializer, Finish finish);

  /// Looks for the results of a call whose task has all of its options. Returns the value of the task if all results
  /// are there. Otherwise the task is to run: calls of a chunk whose results are known become holes, and the value of
  /// the task goes to this cache, which keeps it and then calls `finish`; so it must live until the task is done.
  /// Blocks while it reads files. Throws UsageError if the function has two versions or no build-id.
  [[nodiscard]] std::optional<FutureState::Result> look_up(Task& task, PackedCall& call, TaskOptions const& options);

  /// Runs the job on the cache's thread.
  void post(std::function<void()> job) { thread_.post(std::move(job)); }
  /// Runs the job there after all values that were given to the cache until now are kept, and on the disk if they are
  /// to be.
  void post_last(std::function<void()> job) { thread_.post_idle(std::move(job)); }

  /// Returns how many results were found.
  [[nodiscard]] std::uint64_t results_found() const { return results_found_; }
  /// Returns how many tasks did not need to run.
  [[nodiscard]] std::uint64_t tasks_found() const { return tasks_found_; }

 private:
  struct Pending;

  [[nodiscard]] std::shared_ptr<Pending> find_results(Task const& task, PackedCall const& call,
                                                      TaskOptions const& options);
  void take(std::shared_ptr<Pending> const& pending, TaskPtr const& task, FutureState::Result value);
  FutureState::Result keep(Pending const& pending, Task& task, FutureState::Result value);
  void keep_ranks(Pending const& pending, Task const& task, std::vector<Bytes> const& values);
  Bytes keep_each(Pending const& pending, Task& task, Bytes value);
  void keep_one(Pending const& pending, std::size_t index, std::vector<Bytes> values,
                std::vector<std::vector<HandleRange>> const& handles, double seconds);
  void report_not_kept(Pending const& pending, std::string_view why);

  ResultCache cache_;
  CacheKey pool_key_;
  Finish finish_;
  std::atomic<std::uint64_t> results_found_{0};
  std::atomic<std::uint64_t> tasks_found_{0};
  std::atomic<bool> is_reported_{false};  ///< that a value is not fit for a cache
  CacheThread thread_;                    ///< last: its jobs use all of the above
};

}  // namespace farm::detail
