#pragma once

#include <farm/service_error.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace farm {

/// The state of a job, and of a task.
enum class JobState : std::uint8_t {
  waiting,    ///< for a group
  blocked,    ///< by a job or a task that it needs
  held,       ///< until it is released
  running,    ///< on a group
  finished,   ///< all of its tasks have results
  failed,     ///< a task has an error
  cancelled,  ///< by a user, by max_fails, or because what it needs has not finished
};

/// What a server tells of a job.
struct JobInfo {
  std::uint64_t number = 0;              ///< from 1
  std::string name{};                    ///< empty: it has none
  JobState state = JobState::waiting;    ///< as of now
  std::uint64_t tasks = 0;               ///< all of them
  std::uint64_t waiting = 0;             ///< tasks that wait for a group, or for what they need, or are held
  std::uint64_t running = 0;             ///< tasks that run
  std::uint64_t finished = 0;            ///< tasks with a result
  std::uint64_t failed = 0;              ///< tasks with an error
  std::uint64_t cancelled = 0;           ///< tasks that were cancelled
  std::chrono::duration<double> left{};  ///< how long it still takes, about; 0: unknown
  std::string why{};                     ///< why nothing of it runs; empty: nothing to say
  std::string first_error{};             ///< "task 5.2 on node7: type: text"; empty: there is none

  /// Returns true if no task of it runs any more, unless it is retried.
  [[nodiscard]] bool has_ended() const noexcept { return state >= JobState::finished; }
};

namespace detail {
class ClientCore;
}  // namespace detail

/// A job of a server. Copies are the same job. Thread-safe.
///
/// All functions ask the server and block the caller until it has answered. They throw NoServer if there is none, and
/// ServiceError if the server refuses, for example because the job was forgotten.
class ServiceJob {
 public:
  /// For the library itself: see Client::job().
  ServiceJob(std::shared_ptr<detail::ClientCore> core, std::uint64_t number)
      : core_(std::move(core)), number_(number) {}

  /// Returns its number, from 1. Asks nobody.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// Returns how it is now.
  [[nodiscard]] JobInfo info() const;
  /// Blocks until it has ended, and returns how. If the server is started anew meanwhile, it waits for it.
  JobInfo wait() const;
  /// Blocks until it has ended, or until the time is over. Returns whether it has ended.
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds time) const;
  /// Cancels its tasks that have not ended; those that run are stopped. Returns their number.
  std::uint64_t cancel() const;
  /// Holds the tasks that have not started. Returns their number.
  std::uint64_t hold() const;
  /// Releases the tasks that are held. Returns their number.
  std::uint64_t release() const;
  /// Runs failed and cancelled tasks again. Returns their number.
  std::uint64_t retry() const;
  /// Changes its priority.
  void set_priority(int priority) const;
  /// Removes it from the server, with its results. It must have ended.
  void forget() const;
  /// Returns what its tasks have printed.
  [[nodiscard]] std::string log() const;

 private:
  std::shared_ptr<detail::ClientCore> core_;
  std::uint64_t number_;
};

}  // namespace farm
