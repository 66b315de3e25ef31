#pragma once

#include <farm/detail/engine_owner.hpp>
#include <farm/detail/submit.hpp>
#include <farm/future.hpp>
#include <farm/options.hpp>

namespace farm::detail {

/// submit, as most executors have it.
class SubmittingExecutor : public EngineOwner {
 public:
  /// Runs f(args...) on one group. Does not block. The future ends with the result, with the exception that f threw (as
  /// the same standard type, and as TaskError), with GroupLost, TimeoutError, SpawnError or BrokenExecutor; with
  /// SerializationError where an argument cannot be packed. An argument may be a Future, or a std::vector of them: the
  /// task waits for their values. Throws ShutdownError after shutdown(), and UsageError for what the function captures
  /// and cannot travel.
  // Gives a Future<R>, or of a list for all ranks. Deduced, since clang 14 forms a declared type for the overloads that
  // do not fit, too.
  template <class F, class... Args>
  requires Submittable<F, Args...>
  auto submit(F const& f, Args const&... args) { return submit(TaskOptions{}, f, args...); }
  template <class F, class... Args>
  auto submit(TaskOptions const& options, F const& f, Args const&... args) {
    return Future<ResultOfTask<F, Args...>>{submit_call(engine(), options, false, f, args...)};
  }
  template <class F, class... Args>
  auto submit(AllRanks const& all, F const& f, Args const&... args) {
    return Future<ListOf<ResultOfTask<F, Args...>>>{submit_call(engine(), all.options, true, f, args...)};
  }

 protected:
  using EngineOwner::EngineOwner;
};

}  // namespace farm::detail
