#pragma once

#include "spawn/service/client/connection.hpp"
#include "spawn/service/client/replies.hpp"
#include "spawn/service/client/submission_body.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// A job that the server has taken.
struct SubmittedJob {
  std::uint64_t job = 0;
  std::uint64_t tasks = 0;
};

/// Text of a job's log, and where it goes on.
struct LogText {
  std::string text{};
  std::uint64_t next = 0;
};

/// All that a client asks a server. Not thread-safe. All functions block, and throw as Connection does.
class Requests {
 public:
  explicit Requests(ServerPlace place) : connection_(std::move(place)) {}

  [[nodiscard]] ServerReply server();
  /// Ends the server: at once, or after the tasks that run have ended.
  void stop(bool drain);
  [[nodiscard]] std::vector<FunctionReply> functions();

  /// Returns once the job is on disk.
  SubmittedJob submit(SubmissionBody& submission);

  /// Calls `use` for each job, the oldest first.
  void for_each_job(std::optional<TaskState> state, std::function<void(JobReply const&)> const& use);
  [[nodiscard]] JobReply job(std::uint64_t number);
  /// Returns as soon as the job has ended, or after so many seconds.
  [[nodiscard]] JobReply wait(std::uint64_t number, int seconds);
  /// `tasks` is a selector, as "0-5"; empty: all. These return the number of tasks that have changed.
  std::uint64_t cancel(std::uint64_t number, std::string const& tasks = {});
  std::uint64_t hold(std::uint64_t number);
  std::uint64_t release(std::uint64_t number);
  std::uint64_t retry(std::uint64_t number, std::string const& tasks = {});
  void set_priority(std::uint64_t number, int priority);
  /// Removes a job that has ended, with its results.
  void forget(std::uint64_t number);

  /// Calls `use` for each task, in their order.
  void for_each_task(std::uint64_t number, std::optional<TaskState> state,
                     std::function<void(TaskReply const&)> const& use);
  [[nodiscard]] TaskReply task(TaskName name);
  /// Returns the state, and why the task does not run now.
  [[nodiscard]] std::pair<std::string, std::string> explain(TaskName name);
  /// Calls `use` for the result of each task that has ended, from task `first` on, in their order; until it returns
  /// false.
  void for_each_result(std::uint64_t number, std::uint64_t first, std::function<bool(ResultReply&&)> const& use);
  /// Returns what the job has printed, or one of its tasks, from an offset on.
  [[nodiscard]] LogText log(std::uint64_t number, std::optional<std::uint64_t> task, std::uint64_t from);

  [[nodiscard]] Connection& connection() { return connection_; }

 private:
  std::uint64_t change(std::uint64_t number, char const* what, std::string const& tasks, Connection::Again again);

  Connection connection_;
};

}  // namespace farm::detail
