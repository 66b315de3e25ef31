#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace farm::detail {

/// What a trace says about tasks, ranks and groups, added up. All times are microseconds on the timeline of the trace.
struct TraceSummary {
  struct Task {
    double queued = 0;
    double sent = 0;
    double started = std::numeric_limits<double>::max();  ///< of the last attempt, on its first rank
    double ended = 0;                                     ///< of the last attempt, on its last rank
    double received = 0;
    int attempt = 0;
    std::string outcome{};
  };
  struct Rank {
    double ready = 0;  ///< when its group was ready
    double starting = 0;
    double last = 0;  ///< when it was last seen
    double in_tasks = 0;
    double in_lost_tasks = 0;
  };
  struct Staging {
    std::uint64_t count = 0;
    double time = 0;
    double bytes = 0;
  };

  std::map<std::pair<int, std::uint64_t>, Task> tasks{};  ///< by pool and task
  std::map<std::pair<std::uint64_t, int>, Rank> ranks{};  ///< by group and rank
  std::map<std::string, Staging> staging{};               ///< by what was done: "publish"
  std::vector<double> start_times{};                      ///< how long the start of each group took
  std::map<std::string, int> ranks_on{};                  ///< by host, over all groups
  int failed_starts = 0;
  int losses = 0;
  int retries = 0;

  /// Adds one event of the trace. Throws nlohmann::json::exception if the event is not one that the farm writes.
  void add(nlohmann::json const& event);

 private:
  void add_task(Rank& rank, nlohmann::json const& arguments, double begin, double end);
  void add_group(std::pair<std::uint64_t, int> rank, nlohmann::json const& event, double begin, double end);
};

/// Reads a trace line by line, since a trace may be larger than memory. Accepts a trace whose last line is incomplete
/// because the master was killed. Throws std::runtime_error if the file cannot be read or is not a trace of the farm.
[[nodiscard]] TraceSummary read_trace(std::string const& path);

}  // namespace farm::detail
