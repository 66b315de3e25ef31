#pragma once

#include "spawn/service/model/job.hpp"
#include "spawn/service/store/store.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace farm::detail {

class QueuedJob;

/// Thrown if a request makes no sense: there is no such job or task, or the job is in no state for it.
class QueueError : public std::runtime_error {
 public:
  enum class Why : std::uint8_t { not_found, conflict, refused };
  QueueError(Why reason, std::string const& text) : runtime_error(text), why(reason) {}
  Why why;
};

using StateCounts = std::array<std::uint64_t, task_states>;

/// A job as the queue shows it.
struct JobInfo {
  std::uint64_t number = 0;
  std::shared_ptr<JobSpec const> spec{};
  std::uint64_t tasks = 0;
  TaskState state = TaskState::waiting;
  StateCounts counts{};
  int priority = 0;
  double submitted = 0;  ///< times in seconds since 1970; 0: not yet
  double started = 0;    ///< by this server, or an earlier one; 0 if unknown
  double ended = 0;
  double rate = 0;                              ///< ended tasks per second, lately
  std::optional<double> seconds_left{};         ///< estimated
  std::optional<std::uint64_t> first_failed{};  ///< a task that failed
  std::string first_error{};                    ///< its error, JSON
  std::string why{};  ///< why nothing of the job runs; empty: something does, or the job has ended
};

/// A task that may run now.
struct ReadyTask {
  TaskName name{};
  std::uint32_t kind = 0;
  std::uint32_t attempts = 0;  ///< how often it has started before
  int priority = 0;            ///< the job's
  std::shared_ptr<JobSpec const> spec{};
};

/// What the queue tells: jobs whose state or counts have changed, and tasks that have ended. Called outside of the
/// queue's lock, on any thread; must be quick.
class QueueListener {
 public:
  QueueListener() = default;
  QueueListener(QueueListener const&) = delete;
  QueueListener& operator=(QueueListener const&) = delete;
  virtual ~QueueListener() = default;
  virtual void job_changed(std::uint64_t job) = 0;
  virtual void tasks_ended(std::uint64_t job, std::vector<std::pair<std::uint64_t, TaskState>> const& ended) = 0;
};

/// All jobs in memory: the states of their tasks, what they wait for, and which task is next. What is to last goes to
/// the store first: a task counts as finished, and a job as submitted, once that is on disk.
///
/// Jobs of higher priority come first. Jobs of equal priority share: each gets the same part of the ranks' time while
/// it has tasks that may run. The tasks of a job run in their order.
///
/// The state of a job follows from those of its tasks: running if any runs; else waiting, blocked or held if any is, in
/// this order; else failed if any has failed, cancelled if any was cancelled, and finished if all have finished.
///
/// All functions are thread-safe. Those that submit or change something return once it is done in memory, and call
/// `done` once it is on disk.
class JobQueue {
 public:
  /// Takes the jobs that the store has loaded. The store must outlive the queue.
  JobQueue(Store& store, std::vector<LoadedJob> jobs);
  ~JobQueue();
  JobQueue(JobQueue const&) = delete;
  JobQueue& operator=(JobQueue const&) = delete;

  /// A call to the listener before this one may still be under way, and keeps it alive.
  void set_listener(std::shared_ptr<QueueListener> listener);

  // For requests

  /// Submits a job. Calls `done` with its number, or with 0 and why it is refused; if there is a job with the same key,
  /// with the number of that one. Throws UsageError if the specification cannot be meant: a job in `after` is not
  /// there, `kind` or `needs` of a task point nowhere or in a circle. `tasks` may be empty only if all are alike:
  /// never; a job has one task at least.
  void submit(JobSpec spec, std::vector<TaskSpec> tasks,
              std::function<void(std::uint64_t job, std::string const& error)> done);
  /// Throws QueueError if there is no such job. So do the functions below.
  [[nodiscard]] JobInfo info(std::uint64_t job) const;
  /// Returns up to `limit` jobs from number `from` on, the lowest numbers first.
  [[nodiscard]] std::vector<JobInfo> list(std::uint64_t from, std::size_t limit) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] StateCounts counts() const;
  /// What was recorded since this object was made. Only grows: a retry takes nothing back.
  struct EndTotals {
    StateCounts tasks{};  ///< by how they have ended
    double seconds = 0;   ///< that they ran, in their last attempts
  };
  [[nodiscard]] EndTotals end_totals() const;
  /// Returns ended tasks per second, lately, of all jobs.
  [[nodiscard]] double rate() const;
  [[nodiscard]] TaskState state(TaskName task) const;
  [[nodiscard]] std::uint32_t attempts(TaskName task) const;
  /// Returns up to `limit` tasks from `from` on, which are in this state if one is given; and where to go on, if there
  /// are more.
  [[nodiscard]] std::pair<std::vector<std::pair<std::uint64_t, TaskState>>, std::optional<std::uint64_t>> tasks(
      std::uint64_t job, std::optional<TaskState> state, std::uint64_t from, std::size_t limit) const;
  /// Returns why a task does not run: what it waits for, as far as the queue knows. Empty if it runs, may run or has
  /// ended.
  [[nodiscard]] std::string why_not_running(TaskName task) const;

  /// Each of the following changes tasks `first` up to `last`, and returns how many it has changed. `done` is called
  /// once that is on disk.
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = ~std::uint64_t{0};  ///< inclusive
  };
  /// Cancels tasks that have not ended. Those that run are stopped by the dispatcher first.
  std::uint64_t cancel(std::uint64_t job, std::vector<Range> const& ranges, std::function<void()> done);
  /// Lets failed and cancelled tasks run again.
  std::uint64_t retry(std::uint64_t job, std::vector<Range> const& ranges, std::function<void()> done);
  std::uint64_t hold(std::uint64_t job, bool held, std::function<void()> done);
  void set_priority(std::uint64_t job, int priority, std::function<void()> done);
  /// Removes a job that has ended, with all that is kept of it. Throws QueueError if it has not ended.
  void forget(std::uint64_t job, std::function<void()> done);

  /// Calls `f` once the job has ended, or is forgotten: at once if it has. Returns a number for stop_waiting().
  std::uint64_t when_ended(std::uint64_t job, std::function<void()> f);
  void stop_waiting(std::uint64_t job, std::uint64_t number);

  // For the dispatcher

  /// Takes up to `most` tasks that may run, the next one first. They count as running.
  [[nodiscard]] std::vector<ReadyTask> take(std::size_t most);
  /// Takes this task, which a group of an earlier server runs already. Returns none if it is not to run.
  [[nodiscard]] std::optional<ReadyTask> take(TaskName task);
  /// Tasks that were taken do not run after all, and wait again. With `started`, a server has begun them: that counts
  /// as an attempt.
  void give_back(std::vector<TaskName> const& tasks, bool started = false);
  /// Tasks have ended. They count as running until their ends are on disk.
  void end(std::vector<TaskEnd> ends);
  /// Calls `f`, on any thread, when tasks may have become ready.
  void set_ready_callback(std::function<void()> f);
  /// Calls `f` when running tasks are to be stopped, because they were cancelled.
  void set_stop_callback(std::function<void(std::vector<TaskName> const&)> f);
  /// Calls `f` once ends are on disk: groups need not keep these results any longer.
  void set_recorded_callback(std::function<void(std::vector<TaskName> const&)> f);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< the store's thread may still use it for a moment
};

}  // namespace farm::detail
