#pragma once

#include <farm/detail/deadline.hpp>
#include <farm/detail/inputs.hpp>
#include <farm/detail/submit.hpp>
#include <farm/future.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm {

namespace detail {

/// Where the tasks of a batch come from.
class BatchSource {
 public:
  BatchSource() = default;
  BatchSource(BatchSource const&) = delete;
  BatchSource& operator=(BatchSource const&) = delete;
  virtual ~BatchSource() = default;

  /// Submits the next input; null at the end. Called by the batch's thread.
  virtual StatePtr submit_next(Engine& engine) = 0;
};

/// A batch on its way, with the thread that takes its inputs. Thread-safe.
class BatchRun {
 public:
  BatchRun(std::shared_ptr<Engine> engine, int workers, std::unique_ptr<BatchSource> source);
  BatchRun(BatchRun const&) = delete;
  BatchRun& operator=(BatchRun const&) = delete;
  /// cancel(), and waits for the thread.
  ~BatchRun();

  void cancel();
  [[nodiscard]] bool done() const;
  [[nodiscard]] std::vector<StatePtr> states() const;

  /// The task of that number, done with a value; null at the end. Throws its error, or what ended the inputs.
  [[nodiscard]] StatePtr wait_for(std::size_t index, Deadline deadline) const;

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

[[noreturn]] void throw_moved_batch();

}  // namespace detail

/// Tasks of one function for many inputs, which are taken as earlier ones end: what submit_batch gives. Thread-safe,
/// but for being moved and destroyed. A moved-from one throws UsageError.
///
/// An error of a task does not keep the others from running. Where an iterator throws, or the executor is shut down
/// before the end of the inputs, the tasks that there are go on, and the batch ends with that error.
template <class R>
class Batch {
 public:
  explicit Batch(std::unique_ptr<detail::BatchRun> run) : run_(std::move(run)) {}
  Batch(Batch&&) noexcept = default;
  Batch& operator=(Batch&&) noexcept = default;
  /// cancel(); blocks while an iterator of the inputs does.
  ~Batch() = default;

  /// Blocks until all are done; gives their results in the order of the inputs, nothing of a void function. Throws the
  /// first error in that order as soon as it is there; CancelledError; TimeoutError, after which all goes on.
  auto result() const { return result_by(detail::never); }
  template <class Rep, class Period>
  auto result(std::chrono::duration<Rep, Period> timeout) const {
    return result_by(detail::deadline_after(timeout));
  }

  /// No inputs will follow, and all tasks have ended, in whatever way.
  [[nodiscard]] bool done() const { return run().done(); }

  /// No further inputs are taken, and tasks that have not started are cancelled. Does not block.
  void cancel() { run().cancel(); }

  /// Of the inputs that were taken so far, in their order.
  [[nodiscard]] std::vector<Future<R>> futures() const {
    std::vector<Future<R>> futures;
    for (auto& state : run().states()) futures.push_back(Future<R>{std::move(state)});
    return futures;
  }
  [[nodiscard]] std::size_t size() const { return run().states().size(); }

 private:
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

namespace detail {

template <class F, class Arguments>
struct ResultForInputs;
template <class F, class... As>
struct ResultForInputs<F, TypeList<As...>> {
  using type = ResultOfTask<F, As...>;
};

template <class F, class Inputs>
class BatchInputs final : public BatchSource {
 public:
  template <class... Ranges>
  explicit BatchInputs(F const& f, Ranges&&... ranges) : f_(f), inputs_(std::forward<Ranges>(ranges)...) {}

  StatePtr submit_next(Engine& engine) override {
    StatePtr state;
    inputs_.take([&](auto const&... arguments) { state = submit_call(engine, {}, false, f_, arguments...); });
    return state;
  }

 private:
  F f_;
  Inputs inputs_;
};

/// `workers` tasks are in flight at once.
template <class F, class... Ranges>
auto submit_batch(std::shared_ptr<Engine> engine, int workers, F const& f, Ranges&&... ranges) {
  using Function = std::decay_t<F const>;
  using Inputs = ZippedInputs<Ranges...>;
  auto source = std::make_unique<BatchInputs<Function, Inputs>>(f, std::forward<Ranges>(ranges)...);
  return Batch<typename ResultForInputs<Function, typename Inputs::Arguments>::type>{
      std::make_unique<BatchRun>(std::move(engine), workers, std::move(source))};
}

}  // namespace detail
}  // namespace farm
