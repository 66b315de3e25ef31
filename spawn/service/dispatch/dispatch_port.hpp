#pragma once

#include "spawn/service/model/job.hpp"

#include <farm/detail/group_view.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// What runs on a task's group now.
struct RunningTask {
  std::uint64_t group = 0;
  std::vector<std::string> hosts{};
  std::uint32_t attempt = 0;
  double progress = 0;
  std::chrono::steady_clock::time_point since{};
};

/// What requests ask of the dispatcher, so that they can be tested with another one. All functions are thread-safe.
class DispatchPort {
 public:
  DispatchPort() = default;
  DispatchPort(DispatchPort const&) = delete;
  DispatchPort& operator=(DispatchPort const&) = delete;
  virtual ~DispatchPort() = default;

  /// Returns true once the dispatcher is being stopped.
  [[nodiscard]] virtual bool is_stopping() const = 0;
  /// Returns all groups of the pool. Blocks for a moment.
  [[nodiscard]] virtual std::vector<GroupView> groups() const = 0;
  /// Returns where the task runs; none if no group has begun it. Blocks for a moment.
  [[nodiscard]] virtual std::optional<RunningTask> running(TaskName task) const = 0;
  [[nodiscard]] virtual int max_ranks() const = 0;
  /// Returns why no task starts, although some wait; empty if there is no such reason.
  [[nodiscard]] virtual std::string problem() const = 0;
  /// Returns how many tasks an earlier server has left running, which were taken over.
  [[nodiscard]] virtual std::size_t taken_over() const = 0;
  /// Throws UsageError if a job cannot run here: there is no such function, an input does not fit, or a task asks for
  /// more than there is.
  virtual void check(JobSpec const& spec, std::vector<TaskSpec> const& tasks) const = 0;
};

}  // namespace farm::detail
