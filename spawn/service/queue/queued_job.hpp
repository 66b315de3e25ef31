#pragma once

#include "spawn/service/model/job.hpp"
#include "spawn/service/queue/rate_meter.hpp"
#include "spawn/service/store/store.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace farm::detail {

using StateCounts = std::array<std::uint64_t, task_states>;

/// One job of the queue: the states of its tasks, and what they wait for. Used under the queue's lock.
class QueuedJob {
 public:
  /// A new job. `tasks` has the kinds and needs, if the job is from a list; else it may be empty.
  QueuedJob(StoredJob const& stored, std::vector<TaskSpec> const& tasks);
  /// A job of an earlier server.
  explicit QueuedJob(LoadedJob const& loaded);

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::shared_ptr<JobSpec const> const& spec() const { return spec_; }
  [[nodiscard]] std::uint64_t size() const { return states_.size(); }
  /// Returns the state of a task as users see it.
  [[nodiscard]] TaskState shown_state(std::uint64_t task) const;
  [[nodiscard]] StateCounts shown_counts() const;
  [[nodiscard]] TaskState state() const;
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] std::uint32_t attempts(std::uint64_t task) const;
  void set_attempts(std::uint64_t task, std::uint32_t attempts);
  [[nodiscard]] std::uint32_t kind(std::uint64_t task) const { return kinds_.empty() ? 0 : kinds_[task]; }
  /// Returns the first task that it needs and that has not finished.
  [[nodiscard]] std::optional<std::uint32_t> missing_need(std::uint64_t task) const;
  /// Returns true if no task may start, although some wait.
  [[nodiscard]] bool is_blocked() const { return held || !waits_for.empty(); }

  /// Takes the next task that may run, which is running from now on.
  [[nodiscard]] std::optional<std::uint64_t> take_next();
  /// Takes this task, if it waits.
  [[nodiscard]] bool take(std::uint64_t task);
  /// Returns true if the task was taken and has not come to its end.
  [[nodiscard]] bool is_running(std::uint64_t task) const;
  /// A task that was taken waits again.
  void give_back(std::uint64_t task);
  /// Marks the task: its end is on its way to the disk. Returns false if it is marked already, or has ended.
  [[nodiscard]] bool mark_ending(std::uint64_t task);
  /// The task's end is on disk. Returns the tasks that cannot run any more, since they need this one.
  [[nodiscard]] std::vector<std::uint64_t> record(std::uint64_t task, TaskState state);
  /// A failed or cancelled task is to run again.
  void reset(std::uint64_t task);

  std::uint64_t number_of_waiting() const { return counts_[static_cast<std::size_t>(TaskState::waiting)]; }

  // What the queue keeps of the job.
  bool held = false;
  int priority = 0;
  double submitted = 0;
  double started = 0;
  double ended = 0;
  double virtual_time = 0;  ///< how much of the ranks' time it has had, for the fair share
  double mean_seconds = 0;  ///< of its tasks, a moving average; 0: unknown
  RateMeter meter{};
  std::optional<std::uint64_t> first_failed{};
  std::string first_error{};
  std::set<std::uint64_t> waits_for{};      ///< jobs that must finish first
  std::vector<std::uint64_t> awaited_by{};  ///< jobs that wait for this one
  std::set<std::uint64_t> stopping{};       ///< running tasks that were cancelled
  std::map<std::uint64_t, std::function<void()>> waiters{};
  bool is_active = false;  ///< it is among those that may have a task to run
  bool is_forgotten = false;

 private:
  static constexpr std::uint8_t ending_bit = 0x80;

  void link(std::vector<TaskSpec> const& tasks);
  [[nodiscard]] TaskState raw(std::uint64_t task) const {
    return static_cast<TaskState>(states_[task] & static_cast<std::uint8_t>(~ending_bit));
  }
  void change(std::uint64_t task, TaskState state);

  std::uint64_t number_;
  std::shared_ptr<JobSpec const> spec_;
  std::vector<std::uint8_t> states_;  ///< TaskState, and whether its end is being written
  StateCounts counts_{};
  std::uint64_t next_ = 0;                                     ///< no task before it waits
  std::unordered_map<std::uint64_t, std::uint32_t> attempts_;  ///< where they are not what the state says
  std::vector<std::uint32_t> kinds_;                           ///< of each task; empty: all are of kind 0
  std::vector<std::vector<std::uint32_t>> needs_;              ///< of each task; empty: none has any
  std::vector<std::vector<std::uint32_t>> needed_by_;
};

}  // namespace farm::detail
