#pragma once

#include "spawn/program/report/busy_profile.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace farm::detail {

/// How a task has ended.
enum class TracedOutcome : std::uint8_t {
  none,       ///< not yet
  value,      ///< with a value
  error,      ///< a rank has thrown
  timeout,    ///< it ran longer than its time limit
  cancelled,  ///< its future was cancelled, or its pool, before or after it had started
  lost,       ///< it was given up after the loss of its group
  not_run,    ///< it failed before any rank ran it: no group, or its argument had failed
  failed,     ///< it failed at the master
  ended,      ///< its group was ended while it ran; the trace does not say why
};
/// Returns the name in the trace and in JSON: "value", "not run".
[[nodiscard]] std::string_view name_of(TracedOutcome outcome);

/// What a trace says about tasks, ranks and groups, added up. All times are microseconds on the timeline of the trace.
struct TraceSummary {
  struct Task {
    double queued = 0;
    double sent = 0;
    double started = std::numeric_limits<double>::max();  ///< of the last attempt, on its first rank
    double ended = 0;                                     ///< of the last attempt, on its last rank
    double received = 0;
    double rank_time = 0;      ///< of all attempts on all ranks
    std::string name{};        ///< that the user has given; which input it is if it is a task of `farm map`
    std::uint64_t group = 0;   ///< of the last attempt
    std::size_t function = 0;  ///< index in `functions`
    int attempt = 0;           ///< the last one that a rank has run; 0: none
    int answers = 0;           ///< ranks that have answered the last attempt
    TracedOutcome outcome{};   ///< that the ranks of the last attempt have told
    TracedOutcome end{};       ///< that the master has told, which counts more; none if the ranks tell it all
  };
  struct Rank {
    double ready = 0;  ///< when its group was ready
    double starting = 0;
    double last = 0;  ///< when it was last seen
    double in_tasks = 0;
    double in_lost_tasks = 0;
    std::uint64_t tasks = 0;
    std::string host{"unknown hosts"};
    BusyProfile busy{};  ///< empty unless it is one of the first `most_profiles` ranks
  };
  struct Staging {
    std::uint64_t count = 0;
    double time = 0;
    double bytes = 0;
  };
  struct TaskKey {
    int pool = 0;
    std::uint64_t task = 0;
    [[nodiscard]] bool operator==(TaskKey const&) const = default;
  };
  struct TaskHash {
    [[nodiscard]] std::size_t operator()(TaskKey const& key) const {
      return std::hash<std::uint64_t>{}(key.task * 64 + static_cast<std::uint64_t>(key.pool));
    }
  };
  static constexpr std::size_t most_profiles = 32;

  std::unordered_map<TaskKey, Task, TaskHash> tasks{};
  std::vector<std::string> functions{};                   ///< names
  std::map<std::pair<std::uint64_t, int>, Rank> ranks{};  ///< by group and rank
  std::map<std::uint64_t, int> group_sizes{};             ///< of the groups that were ready
  std::map<std::string, BusyProfile> busy_on{};           ///< by host
  std::map<std::string, Staging> staging{};               ///< by what was done: "publish"
  std::vector<double> start_times{};                      ///< how long the start of each group took
  std::uint64_t submitted = 0;                            ///< number of tasks, including those that have not ended
  bool is_complete = false;                               ///< the program has ended and closed the trace
  int failed_starts = 0;
  int losses = 0;
  int retries = 0;

  /// Adds one event of the trace. Throws nlohmann::json::exception if the event is not one that the farm writes.
  void add(nlohmann::json const& event);

  /// Returns how the task has ended; none if it has not.
  [[nodiscard]] TracedOutcome outcome_of(Task const& task) const;

 private:
  void add_task(std::pair<std::uint64_t, int> key, nlohmann::json const& event, double begin, double end);
  void add_end(nlohmann::json const& event);
  void add_group(std::pair<std::uint64_t, int> key, nlohmann::json const& event, double begin, double end);
  [[nodiscard]] std::size_t function(std::string const& name);

  std::unordered_map<std::string, std::size_t> function_index_{};
};

/// Reads a trace line by line, since a trace may be larger than memory. Accepts a trace whose last line is incomplete
/// because the master was killed. Throws std::runtime_error if the file cannot be read or is not a trace of the farm.
[[nodiscard]] TraceSummary read_trace(std::string const& path);

}  // namespace farm::detail
