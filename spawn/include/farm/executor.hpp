#pragma once

#include <farm/detail/engine_owner.hpp>
#include <farm/detail/submit.hpp>
#include <farm/future.hpp>
#include <farm/initializer.hpp>
#include <farm/options.hpp>
#include <farm/rank_results.hpp>
#include <farm/worker_options.hpp>

namespace farm {

/// One group of `cores` ranks, which runs its tasks one after the other: first in, first out.
///
/// A function runs on every rank of the group. The result holds what each rank returned: a RankResults<R>, which is a
/// std::vector<R> that also converts to R if there is only one rank. Functions, arguments and results are as for an
/// MPISpawnPool.
///
/// Thread-safe, except for moving and destroying it. A moved-from executor throws UsageError. Construct, use and
/// destroy it in the master, while its Runtime exists. The destructor calls shutdown(), which blocks until all tasks
/// are done.
class Executor : public detail::EngineOwner {
 public:
  /// The options of an Executor.
  struct Options {
    /// The number of ranks of the group.
    int cores = 1;
    /// Runs on every rank before its first task.
    Initializer initializer{};
    /// How and with what environment the ranks are started.
    WorkerOptions workers{};
  };

  /// Constructs the executor; starts no rank yet. Throws UsageError if an option is out of range or there is no
  /// Runtime; throws SpawnError if there are too few slots.
  explicit Executor(Options const& options);
  /// Constructs an executor of one rank.
  Executor() : Executor(Options{}) {}

  /// Runs f(args...) on the group, as MPISpawnPool::submit does. Returns a Future<RankResults<R>>, or a Future<void> if
  /// f returns void.
  template <class F, class... Args>
  requires detail::Submittable<F, Args...>
  auto submit(F const& f, Args const&... args) { return submit(TaskOptions{}, f, args...); }

  /// Does the same with options. Tasks of higher priority go first. Throws UsageError if TaskOptions::ranks is neither
  /// 0 nor cores().
  template <class F, class... Args>
  auto submit(TaskOptions const& options, F const& f, Args const&... args) {
    check_ranks(options);
    if constexpr (detail::check_submit<std::decay_t<F const>, Args...>()) {
      return Future<typename detail::RankResultsOf<detail::ResultOfTask<F, Args...>>::type>{
          detail::submit_call(engine(), options, true, f, args...)};
    } else {
      return Future<void>{};
    }
  }

  /// Returns the number of ranks of the group.
  [[nodiscard]] int cores() const { return engine().options().max_ranks; }

 private:
  void check_ranks(TaskOptions const& options) const;
};

}  // namespace farm
