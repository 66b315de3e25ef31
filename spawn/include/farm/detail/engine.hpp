#pragma once

#include <farm/detail/argument_sources.hpp>
#include <farm/detail/code_address.hpp>
#include <farm/detail/engine_options.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/detail/packed_call.hpp>
#include <farm/options.hpp>
#include <farm/statistics.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace farm::detail {

class EngineCore;
class Hub;
class Task;

/// What every pool and executor is made of: tasks go in, futures come out. Thread-safe.
class Engine {
 public:
  /// An engine on the ranks of the Runtime. Starts nothing yet. Throws UsageError if an option is out of range or there
  /// is no Runtime, and SpawnError if there are fewer slots than ranks are asked for.
  explicit Engine(EngineOptions options);
  /// An engine on the ranks of the caller's communicator, which the farm does not kill. The hub may be stopped once the
  /// engine is shut down. Throws as above.
  Engine(EngineOptions options, std::shared_ptr<Hub> const& hub);
  Engine(Engine const&) = delete;
  Engine& operator=(Engine const&) = delete;
  /// Calls shutdown(true, false); but does nothing in a forked child of the process that made the engine.
  ~Engine();

  /// Queues a task. The invoker at `code` unpacks `call` on the ranks; with `all_ranks` the future holds the results of
  /// all ranks. Blocks only if the queue limit says so. Throws ShutdownError after shutdown(), QueueFull, and
  /// UsageError if an option is out of range.
  [[nodiscard]] StatePtr submit(CodeAddress code, PackedCall call, TaskOptions const& options, bool all_ranks);

  /// As submit(), once all `sources` have their values. Then `make_call`, on the thread that completes the last of
  /// them, unpacks the values and packs the call. If a source fails or is cancelled, the task ends likewise, and its
  /// error names the source. Until all sources are done the task counts as queued.
  [[nodiscard]] StatePtr submit_after(ArgumentSources const& sources, CodeAddress code,
                                      std::function<PackedCall()> make_call, TaskOptions const& options,
                                      bool all_ranks);

  /// Cancels queued tasks, and kills the ranks of running ones: all of these tasks end as cancelled. Accepts no more
  /// tasks. Does not block.
  void terminate();

  /// Starts all groups. With `wait`, blocks until each is ready, or has failed to start, or was given up since other
  /// groups of this engine need its ranks; throws SpawnError if none could be started, and ShutdownError if the engine
  /// is shut down meanwhile. Throws ShutdownError after shutdown(), and BrokenExecutor if the initializer threw.
  void bootup(bool wait);

  /// Accepts no more tasks. With `cancel_futures`, queued ones are cancelled when this returns. With `wait`, blocks
  /// until all tasks are done and all processes of the groups are gone; but not on the hub's thread. May be called more
  /// than once. Does nothing in a forked child.
  void shutdown(bool wait, bool cancel_futures);

  /// Returns true if tasks can be submitted: the engine was not shut down, and its initializer has not failed.
  [[nodiscard]] bool is_usable() const;
  [[nodiscard]] Statistics statistics() const;
  /// Returns how many groups for tasks with the default options there is room for.
  [[nodiscard]] int most_groups() const;
  [[nodiscard]] EngineOptions const& options() const;

 private:
  Engine(EngineOptions options, RankOwner rank_owner, Hub& hub, std::shared_ptr<Hub> hub_keeper);
  void make_cancellable(Task& task) const;

  std::shared_ptr<EngineCore> core_;
};

}  // namespace farm::detail
