#pragma once

#include <farm/detail/service_client.hpp>
#include <farm/outcome.hpp>
#include <farm/service_job.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm {

/// The result of a task that a server runs. Copies are the same task. Thread-safe.
///
/// All functions ask the server and block the caller until it has answered; the result is on the server's disk, and not
/// in this process. They throw NoServer if there is no server, and ServiceError if it refuses. The task goes on if the
/// future is destroyed, and if this process ends.
template <class R>
class ServiceFuture {
 public:
  /// For the library itself: see Client::submit() and Client::future().
  ServiceFuture(detail::ClientPtr client, std::uint64_t job, std::uint64_t task)
      : client_(std::move(client)), job_(job), task_(task) {}

  /// Returns the job of the task.
  [[nodiscard]] ServiceJob job() const { return {client_, job_}; }
  /// Returns the number of the task within its job, from 0. Asks nobody.
  [[nodiscard]] std::uint64_t task() const noexcept { return task_; }

  /// Returns whether the task has ended.
  [[nodiscard]] bool done() const { return detail::wait_for_task(client_, job_, task_, std::chrono::nanoseconds{0}); }
  /// Blocks until the task has ended. If the server is started anew meanwhile, it waits for it.
  void wait() const { static_cast<void>(detail::wait_for_task(client_, job_, task_, std::nullopt)); }
  /// Blocks until the task has ended, or until the time is over. Returns whether it has ended.
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds time) const {
    return detail::wait_for_task(client_, job_, task_, time);
  }
  /// Waits for the task, and returns its result. Throws the task's error: a TaskError, which has the standard type that
  /// was thrown as well; TimeoutError, GroupLost, CancelledError or ProgramError. Throws SerializationError if the
  /// result is not of type R.
  R result() const {
    auto const value = detail::task_result(client_, job_, task_);
    return detail::read_service_result<R>(value);
  }
  /// Cancels the task, which is stopped if it runs. Returns false if it has ended.
  bool cancel() const { return detail::cancel_task(client_, job_, task_); }

 private:
  detail::ClientPtr client_;
  std::uint64_t job_;
  std::uint64_t task_;
};

/// The results of a job with a task for each of many inputs. Copies are the same job. Thread-safe. Blocks and throws as
/// ServiceFuture does.
template <class R>
class ServiceMap {
 public:
  /// For the library itself: see Client::map().
  ServiceMap(detail::ClientPtr client, std::uint64_t job, std::size_t size)
      : client_(std::move(client)), job_(job), size_(size) {}

  /// Returns the job.
  [[nodiscard]] ServiceJob job() const { return {client_, job_}; }
  /// Returns the number of inputs.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Returns the future of an input, from 0.
  [[nodiscard]] ServiceFuture<R> operator[](std::size_t index) const { return {client_, job_, index}; }

  /// Waits for all tasks, and returns the results in the order of the inputs. Throws the first error.
  auto results() const {
    auto all = outcomes();
    if constexpr (std::is_void_v<R>) {
      for (auto& each : all) each.value();
    } else {
      std::vector<R> values;
      values.reserve(all.size());
      for (auto& each : all) values.push_back(std::move(each).value());
      return values;
    }
  }
  /// Waits for all tasks, and returns a result or an error for each input, in the order of the inputs.
  [[nodiscard]] std::vector<Outcome<R>> outcomes() const {
    std::vector<Outcome<R>> all;
    all.reserve(size_);
    detail::for_each_task_result(
        client_, job_, [&](std::uint64_t /*task*/, detail::TextValue const& value, std::exception_ptr const& error) {
          if (error) {
            all.emplace_back(error);
          } else if constexpr (std::is_void_v<R>) {
            all.emplace_back();
          } else {
            all.emplace_back(detail::read_service_result<R>(value));
          }
        });
    return all;
  }

 private:
  detail::ClientPtr client_;
  std::uint64_t job_;
  std::size_t size_;
};

}  // namespace farm
