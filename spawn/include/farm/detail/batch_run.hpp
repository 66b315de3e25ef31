#pragma once

#include <farm/detail/deadline.hpp>
#include <farm/detail/engine.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/options.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace farm::detail {

/// Throws UsageError if an option is out of range.
void check_batch_options(BatchOptions const& options);

/// The tasks of a batch, one after the other.
class BatchSource {
 public:
  BatchSource() = default;
  BatchSource(BatchSource const&) = delete;
  BatchSource& operator=(BatchSource const&) = delete;
  virtual ~BatchSource() = default;

  /// Submits the task of the next input and returns its state; returns null if there are no more inputs. The thread of
  /// the batch calls this.
  virtual StatePtr submit_next(Engine& engine) = 0;
};

/// A batch in progress, with the thread that takes its inputs. Thread-safe.
class BatchRun {
 public:
  /// Starts the thread, which keeps `workers` tasks submitted, until `max_fails` tasks have failed; 0: no limit.
  BatchRun(std::shared_ptr<Engine> engine, int workers, std::unique_ptr<BatchSource> source, std::int64_t max_fails);
  BatchRun(BatchRun const&) = delete;
  BatchRun& operator=(BatchRun const&) = delete;
  /// Cancels the batch and blocks until the thread has ended.
  ~BatchRun();

  /// Stops the thread from taking inputs, and cancels the tasks that have not started. Does not block.
  void cancel();

  /// Returns true if no more inputs will be taken and all tasks have ended.
  [[nodiscard]] bool done() const;

  /// Returns the states of all tasks submitted so far, in the order of their inputs.
  [[nodiscard]] std::vector<StatePtr> states() const;

  /// Blocks until the task of input number `index` has a value, and returns its state; returns null if there is no such
  /// input. Throws the error of the task, the error that ended the inputs, or TimeoutError.
  [[nodiscard]] StatePtr wait_for(std::size_t index, Deadline deadline) const;

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

[[noreturn]] void throw_moved_batch();

}  // namespace farm::detail
