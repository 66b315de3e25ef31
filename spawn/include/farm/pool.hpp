#pragma once

#include <farm/comm.hpp>
#include <farm/engine.hpp>
#include <farm/future.hpp>
#include <farm/initializer.hpp>
#include <farm/map.hpp>
#include <farm/options.hpp>
#include <farm/submit.hpp>

#include <chrono>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm {

/// Groups of `ranks_per_task` spawned ranks, and functions that run on them.
///
/// A function runs on every rank of one group; parameters of type `farm::Comm const&` (or MPI_Comm) and
/// `farm::TaskContext&` are given by the farm, all others by the caller. What rank 0 returns is the result; with
/// `all_ranks` it is what each rank returns. Functions, lambdas and function objects of this program may be given,
/// captures included where they are trivially copyable or where the object has a cereal serialize(). Arguments and
/// results are whatever cereal can serialize.
///
/// Thread-safe. To be made, used and destroyed in the master, while its Runtime lives.
class MPISpawnPool {
 public:
  struct Options {
    /// Ranks alive at once, over all groups. 0: FARM_MAX_WORKERS, else the slots of this job less one, else the cores.
    int max_ranks = 0;
    /// Size of the groups, unless a task asks for another.
    int ranks_per_task = 1;
    /// After so many tasks a group is replaced by a fresh one; 0: never.
    std::uint64_t tasks_per_group = 0;
    /// A task whose group was lost so often fails with GroupLost; before that it is run again.
    int max_losses = 3;
    /// After a rank has thrown, its peers are given so long to come back before their group is ended and replaced.
    std::chrono::nanoseconds grace = std::chrono::seconds{1};
    /// How long the start of a group may take.
    std::chrono::nanoseconds spawn_timeout = std::chrono::seconds{60};
    /// Called on every rank before its first task.
    Initializer initializer{};
    WorkerOptions workers{};
  };

  /// Starts nothing yet. Throws UsageError where an option is out of range or there is no Runtime, SpawnError where
  /// there are too few slots.
  explicit MPISpawnPool(Options const& options);
  MPISpawnPool() : MPISpawnPool(Options{}) {}
  MPISpawnPool(MPISpawnPool const&) = delete;
  MPISpawnPool& operator=(MPISpawnPool const&) = delete;
  /// shutdown(): blocks until all tasks are done and all ranks are gone.
  ~MPISpawnPool() = default;

  /// Runs f(args...) on one group. Does not block. The future ends with the result, with the exception that f threw (as
  /// the same standard type, and as TaskError), with GroupLost, TimeoutError or SpawnError. Throws ShutdownError after
  /// shutdown(), and whatever the serialization of an argument throws.
  // Gives a Future<R>, or of a list for all ranks. Deduced, since clang 14 forms a declared type for the overloads that
  // do not fit, too.
  template <class F, class... Args>
  requires detail::Submittable<F, Args...>
  auto submit(F const& f, Args const&... args) { return submit(TaskOptions{}, f, args...); }
  template <class F, class... Args>
  auto submit(TaskOptions const& options, F const& f, Args const&... args) {
    return Future<detail::ResultOfTask<F, Args...>>{detail::submit_call(engine_, options, false, f, args...)};
  }
  template <class F, class... Args>
  auto submit(AllRanks const& all, F const& f, Args const&... args) {
    return Future<detail::ListOf<detail::ResultOfTask<F, Args...>>>{
        detail::submit_call(engine_, all.options, true, f, args...)};
  }

  /// map(f, range...[, MapOptions]): f over the elements of all ranges together, up to the end of the shortest. Blocks;
  /// gives the results in the order of the inputs, nothing where f returns void. The first error in that order is
  /// thrown, after what has not started is cancelled.
  template <class F, class... RangesAndOptions>
  auto map(F const& f, RangesAndOptions&&... ranges) {
    return detail::map(engine_, f, std::forward<RangesAndOptions>(ranges)...);
  }

  /// starmap(f, range_of_tuples[, MapOptions]): as map, an input being a tuple of all arguments.
  template <class F, class Range>
  auto starmap(F const& f, Range&& inputs, MapOptions const& options = {}) {
    return detail::starmap(engine_, f, std::forward<Range>(inputs), options);
  }

  /// Starts all groups now rather than at the first submissions; blocks until they are ready where `wait`. Throws
  /// SpawnError.
  void bootup(bool wait = true) { engine_.bootup(wait); }

  /// No more tasks are taken. What is queued still runs, or is cancelled where `cancel_futures`; what runs ends. With
  /// `wait` blocks until then. May be called more than once.
  void shutdown(bool wait = true, bool cancel_futures = false) { engine_.shutdown(wait, cancel_futures); }

  [[nodiscard]] int max_ranks() const { return engine_.options().max_ranks; }
  [[nodiscard]] int ranks_per_task() const { return engine_.options().ranks_per_task; }
  [[nodiscard]] Statistics statistics() const { return engine_.statistics(); }

 private:
  detail::Engine engine_;
};

}  // namespace farm
