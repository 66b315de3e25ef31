#pragma once

#include <farm/detail/call_check.hpp>
#include <farm/detail/engine_owner.hpp>
#include <farm/detail/submit.hpp>
#include <farm/detail/submit_program.hpp>
#include <farm/future.hpp>
#include <farm/options.hpp>
#include <farm/program.hpp>

#include <type_traits>

namespace farm::detail {

/// The base of the executors and pools that have submit.
class SubmittingExecutor : public EngineOwner {
 public:
  /// Runs f(args...) on one group and returns a Future<R> of its result. Does not block, unless the pool has a
  /// QueueLimit with WhenFull::wait.
  ///
  /// The future ends with the result; with the exception that f threw, as the same standard type and as TaskError; with
  /// GroupLost, TimeoutError, SpawnError or BrokenExecutor; or with SerializationError if an argument cannot be packed.
  /// An argument may be a Future or a std::vector of futures: the task then waits for their values. Throws
  /// ShutdownError after shutdown(), QueueFull at the limit of a queue that refuses, and UsageError if the captures of
  /// f cannot be sent to the ranks.
  // The return types are deduced because clang 14 also forms a declared type for the overloads that do not match.
  template <class F, class... Args>
  requires Submittable<F, Args...>
  auto submit(F const& f, Args const&... args) { return submit(TaskOptions{}, f, args...); }
  /// Does the same with options. Throws UsageError if one of them is out of range.
  template <class F, class... Args>
  auto submit(TaskOptions const& options, F const& f, Args const&... args) {
    if constexpr (check_submit<std::decay_t<F const>, Args...>()) {
      return Future<ResultOfTask<F, Args...>>{submit_call(engine(), options, false, f, args...)};
    } else {
      return Future<void>{};
    }
  }
  /// Does the same, and returns a Future<std::vector<R>> of what each rank returned, in rank order, or a Future<void>:
  /// `submit(all_ranks, f, args...)`.
  template <class F, class... Args>
  auto submit(AllRanks const& all, F const& f, Args const&... args) {
    if constexpr (check_submit<std::decay_t<F const>, Args...>()) {
      return Future<ListOf<ResultOfTask<F, Args...>>>{submit_call(engine(), all.options, true, f, args...)};
    } else {
      return Future<void>{};
    }
  }

  /// Runs a program on one group and returns a Future of how it has ended. Does not block, unless the pool has a
  /// QueueLimit with WhenFull::wait.
  ///
  /// The future fails with ProgramError if the program does not exit with status 0, unless it is Program::any_exit; and
  /// with UsageError if the program cannot be started on its host. All else is as for functions. Throws what submit()
  /// throws, and UsageError if the program has no command.
  Future<Exit> run(Program const& program) { return run(TaskOptions{}, program); }
  /// Does the same with options.
  Future<Exit> run(TaskOptions const& options, Program const& program) {
    return Future<Exit>{submit_program(engine(), options, program)};
  }

 protected:
  using EngineOwner::EngineOwner;
};

}  // namespace farm::detail
