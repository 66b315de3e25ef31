#pragma once

#include "spawn/service/model/job.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the server answers, as plain data. Each has the JSON that it was read from in one line: `json`.
///
/// The functions that read them throw ServiceError if the text is not what was expected.
namespace farm::detail {

/// Why a task has no result.
struct TaskFailure {
  std::optional<std::uint64_t> task{};  ///< its number; none: the task is known otherwise
  std::string type{};                   ///< of the exception
  std::string text{};
  std::optional<std::int64_t> rank{};  ///< none: no rank threw
  std::string host{};
  std::string json{};
};

struct JobReply {
  std::uint64_t job = 0;
  std::string name{};
  TaskState state = TaskState::waiting;
  std::string function{};              ///< empty: a program, or a job file
  std::vector<std::string> command{};  ///< of a program
  std::int64_t ranks = 0;
  std::uint64_t tasks = 0;
  std::array<std::uint64_t, task_states> counts{};  ///< by state
  double submitted = 0;                             ///< times are seconds since 1970
  std::optional<double> started{};
  std::optional<double> ended{};
  int priority = 0;
  std::vector<std::uint64_t> after{};
  std::optional<double> seconds_left{};
  double rate = 0;    ///< tasks that end in a second, lately
  std::string why{};  ///< why nothing of it runs; empty: nothing to say
  std::optional<TaskFailure> first_error{};
  std::string json{};

  [[nodiscard]] std::uint64_t count(TaskState which) const { return counts.at(static_cast<std::size_t>(which)); }
  [[nodiscard]] std::uint64_t count_ended() const {
    return count(TaskState::finished) + count(TaskState::failed) + count(TaskState::cancelled);
  }
};

/// One attempt of a task.
struct AttemptReply {
  std::uint64_t attempt = 0;
  std::string state{};
  std::string text{};  ///< how it has ended
  std::uint64_t group = 0;
  std::string hosts{};
  std::optional<double> started{};
  std::optional<double> ended{};
};

struct TaskReply {
  std::uint64_t job = 0;
  std::uint64_t task = 0;
  std::string name{};
  TaskState state = TaskState::waiting;
  std::string input{};   ///< JSON
  std::string result{};  ///< JSON; empty unless the task has finished
  std::optional<TaskFailure> error{};
  std::uint64_t attempts = 0;
  double seconds = 0;
  std::optional<double> started{};
  std::optional<double> ended{};
  std::uint64_t group = 0;  ///< 0: none
  std::string hosts{};
  std::int64_t peak_memory = 0;  ///< 0: unknown
  std::vector<std::uint64_t> needs{};
  std::optional<double> progress{};
  std::vector<AttemptReply> history{};
  std::string json{};
};

/// A line of the results of a job.
struct ResultReply {
  std::uint64_t index = 0;
  std::string input{};   ///< JSON
  std::string result{};  ///< JSON; empty if there is an error
  std::optional<TaskFailure> error{};
  std::uint64_t attempts = 0;
  double seconds = 0;
  std::string json{};
};

/// Some of a long list.
template <class T>
struct Page {
  std::vector<T> items{};
  std::optional<std::uint64_t> next{};  ///< where the next page begins; none: this is the last
};

struct ServerReply {
  std::string version{};
  std::string program{};
  std::string directory{};
  std::string host{};
  std::string process{};
  double since = 0;
  std::vector<std::string> listen{};
  std::string source{};
  std::string slots{};  ///< how many, and from where
  std::int64_t max_ranks = 0;
  std::string state{};
  std::string problem{};  ///< why it takes no work; empty: all is well
  bool outlives = false;  ///< whether groups outlive the server
  std::uint64_t jobs = 0;
  std::uint64_t groups = 0;
  std::uint64_t resumed = 0;
  std::array<std::uint64_t, task_states> counts{};  ///< of tasks, by state
  double rate = 0;
  std::vector<std::string> damage{};
  std::string json{};
};

/// A function of the server.
struct FunctionReply {
  std::string name{};
  std::string signature{};
  std::vector<std::string> names{};      ///< of its parameters; empty if they have none
  std::vector<std::string> arguments{};  ///< the types of its parameters
  std::string result{};
  std::string json{};
};

[[nodiscard]] JobReply read_job(std::string_view json);
[[nodiscard]] Page<JobReply> read_jobs(std::string_view json);
[[nodiscard]] TaskReply read_task(std::string_view json);
[[nodiscard]] Page<TaskReply> read_tasks(std::string_view json);
[[nodiscard]] ResultReply read_result(std::string_view line);
[[nodiscard]] ServerReply read_server(std::string_view json);
[[nodiscard]] std::vector<FunctionReply> read_functions(std::string_view json);

/// Returns a member of an object that is a whole number, as {"tasks": 5}.
[[nodiscard]] std::uint64_t read_number_member(std::string_view json, std::string const& name);
/// Returns the state and the reason of `explain`.
[[nodiscard]] std::pair<std::string, std::string> read_explanation(std::string_view json);

}  // namespace farm::detail
