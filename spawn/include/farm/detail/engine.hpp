#pragma once

#include <farm/detail/code_address.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/initializer.hpp>
#include <farm/options.hpp>
#include <farm/serialize.hpp>
#include <farm/worker_options.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace farm {

/// How a pool has done so far.
struct Statistics {
  std::uint64_t tasks = 0;   ///< done, in whatever way
  std::uint64_t groups = 0;  ///< started, over all
  std::uint64_t groups_lost = 0;
  int peak_ranks = 0;                ///< alive at once
  std::chrono::nanoseconds wall{0};  ///< since the first submission
  std::chrono::nanoseconds busy{0};  ///< of all ranks together, in tasks
  /// The part of the time of `peak_ranks` ranks that was spent in tasks, 0 to 1.
  [[nodiscard]] double busy_share() const;
};

namespace detail {

/// A call as bytes, and what keeps the files of the arrays in it: they are kept until the task is done.
struct PackedCall {
  Bytes bytes{};
  std::vector<std::shared_ptr<void>> keepers{};
  bool listens = false;  ///< the function has a TaskContext, by which it can be asked to stop
};

/// What pools and executors are made of; those check their own options and turn them into these.
struct EngineOptions {
  int max_ranks = 1;
  char const* max_ranks_is = "max_ranks";  ///< what the user calls it
  int ranks_per_task = 1;
  std::int64_t tasks_per_group = 0;
  int max_losses = 3;
  std::chrono::nanoseconds grace = std::chrono::seconds{1};
  std::chrono::nanoseconds spawn_timeout = std::chrono::seconds{60};
  QueueLimit queue_limit{};
  Initializer initializer{};
  WorkerOptions workers{};
};

class Hub;
class Task;

/// What max_ranks is where it is not given: FARM_MAX_WORKERS, else the slots of this job less the master's, else the
/// number of cores. Throws UsageError where FARM_MAX_WORKERS is no number above 0.
[[nodiscard]] int default_max_ranks(Source source = Source::automatic);
[[nodiscard]] int default_max_ranks(Hub& hub, Source source = Source::automatic);

/// The engine behind every pool. Thread-safe.
class Engine {
 public:
  /// Throws UsageError where an option is out of range or there is no Runtime, SpawnError where there are too few
  /// slots.
  explicit Engine(EngineOptions options);
  /// The same with a hub of its own, which may be stopped once the engine is shut down.
  Engine(EngineOptions options, std::shared_ptr<Hub> hub);
  Engine(Engine const&) = delete;
  Engine& operator=(Engine const&) = delete;
  /// shutdown(true, false).
  ~Engine();

  /// `call` is what the invoker at `code` unpacks. Does not block, unless the queue limit says so. Throws ShutdownError
  /// after shutdown(), QueueFull, and UsageError where an option is out of range.
  [[nodiscard]] StatePtr submit(CodeAddress code, PackedCall call, TaskOptions const& options, bool all_ranks);

  /// The same, once all `sources` have their values; `make_call` is called then, on the thread that completes the last
  /// of them, to unpack them and pack the call. Where one of them fails or is cancelled the task ends likewise, its
  /// error naming which. Until then it counts as queued.
  [[nodiscard]] StatePtr submit_after(std::vector<StatePtr> const& sources, CodeAddress code,
                                      std::function<PackedCall()> make_call, TaskOptions const& options,
                                      bool all_ranks);

  /// Cancels what is queued, ends what runs, and its ranks: those tasks end as cancelled. No submissions follow. Does
  /// not block.
  void terminate();

  /// Starts all groups; blocks until they are ready where `wait`. Throws SpawnError where none could be started.
  void bootup(bool wait);

  /// Idempotent. With `wait` blocks until all tasks are done and all processes of the groups are gone.
  void shutdown(bool wait, bool cancel_futures);

  [[nodiscard]] Statistics statistics() const;
  [[nodiscard]] EngineOptions const& options() const;

 private:
  class Core;
  void make_cancellable(Task& task) const;

  std::shared_ptr<Core> core_;
};

}  // namespace detail
}  // namespace farm
