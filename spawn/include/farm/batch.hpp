#pragma once

#include <farm/detail/batch_run.hpp>
#include <farm/detail/deadline.hpp>
#include <farm/future.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm {

namespace detail {
class BatchAccess;
}

/// Tasks of one function for many inputs, which submit_batch returns. A thread of the batch takes a further input each
/// time a task has ended. Thread-safe, except for moving and destroying it. A moved-from batch throws UsageError.
///
/// The error of a task does not keep the other tasks from running. If an iterator of the inputs throws, or the executor
/// is shut down before the end of the inputs, the tasks that were submitted still run, and the batch ends with that
/// error.
template <class R>
class Batch {
 public:
  /// Takes over the other batch, which must not be used afterwards.
  Batch(Batch&&) noexcept = default;
  /// Destroys the batch that this object held, then takes over the other one.
  Batch& operator=(Batch&&) noexcept = default;
  /// Cancels the batch. Blocks as long as an iterator of the inputs blocks.
  ~Batch() = default;

  /// Blocks until all tasks have ended. Returns a std::vector of their results in the order of the inputs, or void if
  /// the function returns void. Throws the first error in that order as soon as that task has failed; throws
  /// CancelledError if the batch was cancelled.
  auto result() const { return result_by(detail::never); }

  /// Does the same for at most `timeout`; then throws TimeoutError, and the batch goes on.
  template <class Rep, class Period>
  auto result(std::chrono::duration<Rep, Period> timeout) const {
    return result_by(detail::deadline_after(timeout));
  }

  /// Returns true if no more inputs will be taken and all tasks have ended. Does not block.
  [[nodiscard]] bool done() const { return run().done(); }

  /// Takes no more inputs, and cancels the tasks that have not started. Does not block.
  void cancel() { run().cancel(); }

  /// Returns the futures of the tasks that were submitted so far, in the order of their inputs.
  [[nodiscard]] std::vector<Future<R>> futures() const {
    std::vector<Future<R>> futures;
    for (auto& state : run().states()) futures.push_back(Future<R>{std::move(state)});
    return futures;
  }

  /// Returns the number of tasks that were submitted so far.
  [[nodiscard]] std::size_t size() const { return run().states().size(); }

 private:
  friend class detail::BatchAccess;
  explicit Batch(std::unique_ptr<detail::BatchRun> run) : run_(std::move(run)) {}

  [[nodiscard]] detail::BatchRun& run() const {
    if (!run_) detail::throw_moved_batch();
    return *run_;
  }

  auto result_by(detail::Deadline deadline) const {
    if constexpr (std::is_void_v<R>) {
      for (std::size_t i = 0; run().wait_for(i, deadline); ++i) {
      }
    } else {
      std::vector<R> results;
      while (auto state = run().wait_for(results.size(), deadline)) {
        results.push_back(Future<R>{std::move(state)}.result());
      }
      return results;
    }
  }

  std::unique_ptr<detail::BatchRun> run_;
};

}  // namespace farm
