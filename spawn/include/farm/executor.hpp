#pragma once

#include <farm/detail/engine_owner.hpp>
#include <farm/detail/submit.hpp>
#include <farm/future.hpp>
#include <farm/initializer.hpp>
#include <farm/options.hpp>
#include <farm/rank_results.hpp>
#include <farm/worker_options.hpp>

namespace farm {

/// One group of `cores` spawned ranks, which runs its tasks one after the other: first in, first out.
///
/// A function runs on every rank; the result is the list of what they return, of type RankResults<R>: a std::vector<R>
/// that is also an R where there is one rank. Parameters, arguments and results are as those of an MPISpawnPool.
///
/// Thread-safe, but for being moved and destroyed. A moved-from one throws UsageError. To be made, used and destroyed
/// in the master, while its Runtime lives; the destructor is shutdown(): it blocks until all tasks are done.
class Executor : public detail::EngineOwner {
 public:
  struct Options {
    /// Ranks of the group.
    int cores = 1;
    /// Called on every rank before its first task.
    Initializer initializer{};
    WorkerOptions workers{};
  };

  /// Starts nothing yet. Throws UsageError where an option is out of range or there is no Runtime, SpawnError where
  /// there are too few slots.
  explicit Executor(Options const& options);
  Executor() : Executor(Options{}) {}

  /// As MPISpawnPool::submit; gives a Future<RankResults<R>>, or a Future<void>. Of the options, `ranks` may be `cores`
  /// only; tasks of higher priority go first.
  template <class F, class... Args>
  requires detail::Submittable<F, Args...>
  auto submit(F const& f, Args const&... args) { return submit(TaskOptions{}, f, args...); }
  template <class F, class... Args>
  auto submit(TaskOptions const& options, F const& f, Args const&... args) {
    check_ranks(options);
    return Future<typename detail::RankResultsOf<detail::ResultOfTask<F, Args...>>::type>{
        detail::submit_call(engine(), options, true, f, args...)};
  }

  [[nodiscard]] int cores() const { return engine().options().max_ranks; }

 private:
  void check_ranks(TaskOptions const& options) const;
};

}  // namespace farm
