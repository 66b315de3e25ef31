#pragma once

#include <farm/comm.hpp>
#include <farm/detail/map.hpp>
#include <farm/detail/submitting_executor.hpp>
#include <farm/initializer.hpp>
#include <farm/worker_options.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace farm {

/// A pool of groups, each of `ranks_per_task` ranks, and functions that run on them.
///
/// A function runs on every rank of one group. The farm supplies the parameters of type `farm::Comm const&` (or
/// MPI_Comm) and `farm::TaskContext&`; the caller supplies all others. The result is what rank 0 returns; with
/// `all_ranks` it is what every rank returns. Functions, lambdas and function objects of this program can be submitted.
/// A lambda may have captures if it is trivially copyable, and a function object may have members if it is trivially
/// copyable or has a cereal serialize(). Arguments and results may be of any type that cereal serializes.
///
/// Thread-safe, except for moving and destroying it. A moved-from pool throws UsageError. Construct, use and destroy it
/// in the master, while its Runtime exists. The destructor calls shutdown(), which blocks until all tasks are done.
class MPISpawnPool : public detail::SubmittingExecutor {
 public:
  /// The options of an MPISpawnPool.
  struct Options {
    /// The largest number of ranks alive at once, over all groups. 0: FARM_MAX_WORKERS; if that is not set, the slots
    /// of this job less the master's; if those are not limited, the number of cores.
    int max_ranks = 0;
    /// The size of the groups, unless a task asks for another with TaskOptions::ranks.
    int ranks_per_task = 1;
    /// The number of tasks after which a fresh group replaces a group. 0: never.
    std::int64_t tasks_per_group = 0;
    /// The number of lost groups after which a task fails with GroupLost. Until then it runs again on another group.
    int max_losses = 3;
    /// Whether a task also runs again after it has ended a process of its group itself: with exit(), a Fortran STOP or
    /// MPI_Abort. By default it fails with GroupLost at once, because it would most likely do the same again. A task
    /// may say otherwise with TaskOptions::rerun_after_exit.
    bool rerun_after_exit = false;
    /// After a rank has thrown, the time that the other ranks have to return. Then their group is ended and replaced.
    std::chrono::nanoseconds grace = std::chrono::seconds{1};
    /// The longest time that the start of a group may take.
    std::chrono::nanoseconds spawn_timeout = std::chrono::seconds{60};
    /// The largest number of tasks queued or running. At this limit submit() blocks or throws QueueFull.
    QueueLimit queue_limit{};
    /// Runs on every rank before its first task.
    Initializer initializer{};
    /// How and with what environment the ranks are started.
    WorkerOptions workers{};
  };

  /// Constructs the pool; starts no rank yet. Throws UsageError if an option is out of range or there is no Runtime;
  /// throws SpawnError if there are too few slots.
  explicit MPISpawnPool(Options const& options);
  /// Constructs a pool with default options.
  MPISpawnPool() : MPISpawnPool(Options{}) {}

  /// map(f, range...[, MapOptions]): calls f for each element of the ranges, with one element of each range as its
  /// arguments, up to the end of the shortest range. Blocks until all calls have returned. Returns a std::vector of the
  /// results in the order of the inputs, or void if f returns void. If calls fail, cancels the tasks that have not
  /// started and throws the error of the first failed call in that order. Throws TimeoutError after
  /// MapOptions::timeout, UsageError if an option is out of range, ShutdownError after shutdown(), and what an iterator
  /// of the ranges throws.
  template <class F, class... RangesAndOptions>
  auto map(F const& f, RangesAndOptions&&... ranges) {
    return detail::map(shared_engine(), f, std::forward<RangesAndOptions>(ranges)...).to_vector();
  }
  /// Does the same with options in braces: `map(f, inputs, {.chunksize = 8})`.
  template <class F, class Range>
  auto map(F const& f, Range&& inputs, MapOptions const& options) {
    return map(f, std::forward<Range>(inputs), MapOptions(options));
  }
  /// As above, for two ranges.
  template <class F, class Range, class Other>
  auto map(F const& f, Range&& inputs, Other&& others, MapOptions const& options) {
    return map(f, std::forward<Range>(inputs), std::forward<Other>(others), MapOptions(options));
  }
  /// As above, for inputs that are listed in the call: `map(f, {1, 2, 3})`.
  template <class F, class T>
  auto map(F const& f, std::initializer_list<T> inputs, MapOptions const& options = {}) {
    return map(f, std::vector<T>(inputs), MapOptions(options));
  }
  /// As above, with errors collected.
  template <class F, class T>
  auto map(F const& f, std::initializer_list<T> inputs, CollectErrors const& options) {
    return map(f, std::vector<T>(inputs), CollectErrors(options));
  }
  /// As above, for two lists.
  template <class F, class T, class U>
  auto map(F const& f, std::initializer_list<T> inputs, std::initializer_list<U> others) {
    return map(f, std::vector<T>(inputs), std::vector<U>(others));
  }
  /// As above, for a range and a list.
  template <class F, class Range, class U>
  auto map(F const& f, Range&& inputs, std::initializer_list<U> others) {
    return map(f, std::forward<Range>(inputs), std::vector<U>(others));
  }

  /// Does what map() does for one range of tuples or pairs, each of which holds all arguments of a call.
  template <class F, class Range>
  auto starmap(F const& f, Range&& inputs, MapOptions const& options = {}) {
    return detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options).to_vector();
  }
  /// Does the same, and yields results and errors side by side. See CollectErrors.
  template <class F, class Range>
  auto starmap(F const& f, Range&& inputs, CollectErrors const& options) {
    return detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options).to_vector();
  }

  /// Returns the largest number of ranks alive at once.
  [[nodiscard]] int max_ranks() const { return engine().options().max_ranks; }
  /// Returns the size of the groups.
  [[nodiscard]] int ranks_per_task() const { return engine().options().ranks_per_task; }
};

}  // namespace farm
