#pragma once

#include "core/task/task.hpp"

#include <farm/detail/argument_sources.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/detail/packed_call.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace farm::detail {

/// A task whose arguments are values of other futures, its sources. It is queued once all of them are done.
class DependentTask final : public Task {
 public:
  DependentTask(CodeAddress code_address, std::vector<StatePtr> sources)
      : Task(code_address, {}), sources_(std::move(sources)) {}

  void append_sources(std::vector<StatePtr>& sources) const override;
  /// Lets go of the sources, which are done.
  void forget_sources();

 private:
  std::vector<StatePtr> sources_;  // guarded by graph_mutex()
};

/// Counts the sources of a dependent task that are done, and makes the call of their values after the last one.
class SourceCountdown {
 public:
  SourceCountdown(IntrusivePtr<DependentTask> task, ArgumentSources sources, std::function<PackedCall()> make_call);

  /// To be called once for each source, and once more when all of those calls are arranged. The last call returns true
  /// if the task has its call now and is to be queued. If a source has failed or was cancelled, or the call cannot be
  /// made, the task ends likewise. Thread-safe.
  [[nodiscard]] bool source_done();

  [[nodiscard]] TaskPtr task() const { return TaskPtr{task_.get()}; }
  /// Whether the task still waits, and is none of `states`.
  [[nodiscard]] bool is_for_others(StateSet const& states) const;

 private:
  [[nodiscard]] bool take_over_failure() const;
  [[nodiscard]] std::string name_of_argument(std::size_t source) const;
  [[nodiscard]] bool make_call();

  IntrusivePtr<DependentTask> task_;
  std::atomic<std::size_t> missing_;
  ArgumentSources sources_;
  std::function<PackedCall()> make_call_;
};

}  // namespace farm::detail
