#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the service calls jobs and tasks. Plain data: the store keeps it, the queue works on it, JSON shows it.
namespace farm::detail {

/// The state of a task, and of a job. `job_state` says how that of a job follows from those of its tasks. The numbers
/// are part of the database's format.
enum class TaskState : std::uint8_t {
  waiting = 0,    ///< for a group
  blocked = 1,    ///< by a task or a job that it needs
  held = 2,       ///< until `release`
  running = 3,    ///< on a group
  finished = 4,   ///< with a result
  failed = 5,     ///< with an error
  cancelled = 6,  ///< by the user, by max_fails, or because a task that it needs has not finished
};
inline constexpr std::size_t task_states = 7;

/// Returns the state's name: "waiting".
[[nodiscard]] std::string_view word_of(TaskState state);
/// Returns the state with this name; none if there is none.
[[nodiscard]] std::optional<TaskState> state_of(std::string_view word);
/// Returns true if the task runs no more, unless it is retried.
[[nodiscard]] constexpr bool has_ended(TaskState state) { return state >= TaskState::finished; }

/// How tasks of one kind run. The tasks of a job are of one kind, unless a job file lists tasks of several.
struct TaskKind {
  std::string function{};              ///< the name of a registered function; empty: the tasks are programs
  std::vector<std::string> command{};  ///< of a program, with fields
  std::vector<std::string> columns{};  ///< the names of the values of an input, where a table or a grid has named them
  std::string task_directory{};        ///< of a program, with fields; empty: `directory`
  std::string stdin_file{};            ///< of a program, with fields; as the next two
  std::string stdout_file{};
  std::string stderr_file{};
  bool mpi = true;  ///< whether a launcher starts the program on groups of several ranks
  int ranks = 0;    ///< 0: as the server's default says
  int threads = 0;
  std::optional<int> gpus{};
  std::optional<std::int64_t> memory{};             ///< bytes of each rank
  std::map<std::string, std::int64_t> resources{};  ///< named ones, of the task
  std::optional<double> timeout{};                  ///< seconds
  int retries = 0;
  int max_losses = 0;  ///< 0: the pool's
  bool cache = false;
  std::map<std::string, std::string> environment{};
  std::string directory{};  ///< the working directory

  bool operator==(TaskKind const&) const = default;
};

/// One submission, without its inputs.
struct JobSpec {
  std::string name{};
  std::vector<TaskKind> kinds{};       ///< at least one
  int priority = 0;                    ///< jobs of higher priority first; those of equal priority share
  bool hold = false;                   ///< its tasks are held from the start
  std::int64_t max_fails = 0;          ///< after so many failed tasks no other starts; 0: no limit
  std::vector<std::uint64_t> after{};  ///< jobs that must have finished first
  std::string key{};                   ///< the client's name of this submission: the same key again is the same job

  bool operator==(JobSpec const&) const = default;
};

/// One task of a submission.
struct TaskSpec {
  /// One line of JSON: the argument, a list of them, or an object with their names. Empty in what the store returns: it
  /// was lost when the database was damaged, and the task must not run.
  std::string input{};
  std::uint32_t kind = 0;              ///< its index among the job's kinds
  std::vector<std::uint32_t> needs{};  ///< tasks of the same job that must have finished first
  std::string name{};                  ///< of a task in a job file

  bool operator==(TaskSpec const&) const = default;
};

/// Names a task: "5.2". Tasks of a job are numbered from 0.
struct TaskName {
  std::uint64_t job = 0;
  std::uint64_t task = 0;
  bool operator==(TaskName const&) const = default;
};

/// How a task has ended, or an earlier end that a retry has taken back.
struct TaskEnd {
  std::uint64_t job = 0;
  std::uint64_t task = 0;
  TaskState state = TaskState::finished;  ///< finished, failed or cancelled; waiting: a retry has taken its end back
  std::uint32_t attempts = 0;             ///< how often it has started, over all servers
  double started = 0;                     ///< of the last attempt, in seconds since 1970; 0: unknown, or it never did
  double ended = 0;                       ///< in seconds since 1970
  double seconds = 0;                     ///< how long the last attempt's call took
  std::uint64_t group = 0;                ///< of the last attempt; 0: none
  std::string hosts{};                    ///< of that group, separated by commas
  std::int64_t peak_memory = 0;           ///< of a program, in bytes; 0: unknown
  std::string value{};                    ///< JSON: the result; or of a task that failed or was cancelled its error
  std::vector<std::string> losses{};      ///< one line for each attempt before the last: how it was lost

  bool operator==(TaskEnd const&) const = default;
};

}  // namespace farm::detail
