#pragma once

#include <farm/comm.hpp>
#include <farm/detail/map.hpp>
#include <farm/detail/submitting_executor.hpp>
#include <farm/initializer.hpp>
#include <farm/worker_options.hpp>

#include <chrono>
#include <cstdint>
#include <utility>

namespace farm {

/// Groups of `ranks_per_task` spawned ranks, and functions that run on them.
///
/// A function runs on every rank of one group; parameters of type `farm::Comm const&` (or MPI_Comm) and
/// `farm::TaskContext&` are given by the farm, all others by the caller. What rank 0 returns is the result; with
/// `all_ranks` it is what each rank returns. Functions, lambdas and function objects of this program may be given,
/// captures included where they are trivially copyable or where the object has a cereal serialize(). Arguments and
/// results are whatever cereal can serialize.
///
/// Thread-safe, but for being moved and destroyed. A moved-from one throws UsageError. To be made, used and destroyed
/// in the master, while its Runtime lives; the destructor is shutdown(): it blocks until all tasks are done.
class MPISpawnPool : public detail::SubmittingExecutor {
 public:
  struct Options {
    /// Ranks alive at once, over all groups. 0: FARM_MAX_WORKERS, else the slots of this job less one, else the cores.
    int max_ranks = 0;
    /// Size of the groups, unless a task asks for another.
    int ranks_per_task = 1;
    /// After so many tasks a group is replaced by a fresh one; 0: never.
    std::int64_t tasks_per_group = 0;
    /// A task whose group was lost so often fails with GroupLost; before that it is run again.
    int max_losses = 3;
    /// After a rank has thrown, its peers are given so long to come back before their group is ended and replaced.
    std::chrono::nanoseconds grace = std::chrono::seconds{1};
    /// How long the start of a group may take.
    std::chrono::nanoseconds spawn_timeout = std::chrono::seconds{60};
    /// How many tasks may be there at once; then submit() waits, or refuses.
    QueueLimit queue_limit{};
    /// Called on every rank before its first task.
    Initializer initializer{};
    WorkerOptions workers{};
  };

  /// Starts nothing yet. Throws UsageError where an option is out of range or there is no Runtime, SpawnError where
  /// there are too few slots.
  explicit MPISpawnPool(Options const& options);
  MPISpawnPool() : MPISpawnPool(Options{}) {}

  /// map(f, range...[, MapOptions]): f over the elements of all ranges together, up to the end of the shortest. Blocks;
  /// gives the results in the order of the inputs, nothing where f returns void. The first error in that order is
  /// thrown, after what has not started is cancelled.
  template <class F, class... RangesAndOptions>
  auto map(F const& f, RangesAndOptions&&... ranges) {
    return detail::map(shared_engine(), f, std::forward<RangesAndOptions>(ranges)...).to_vector();
  }

  /// starmap(f, range_of_tuples[, MapOptions]): as map, an input being a tuple of all arguments.
  template <class F, class Range>
  auto starmap(F const& f, Range&& inputs, MapOptions const& options = {}) {
    return detail::starmap(shared_engine(), f, std::forward<Range>(inputs), options).to_vector();
  }

  [[nodiscard]] int max_ranks() const { return engine().options().max_ranks; }
  [[nodiscard]] int ranks_per_task() const { return engine().options().ranks_per_task; }
};

}  // namespace farm
