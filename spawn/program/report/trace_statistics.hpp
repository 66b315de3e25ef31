#pragma once

#include "spawn/program/report/trace_summary.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace farm::detail {

/// What `farm report` prints, computed from a trace. Times are microseconds. The rank time of something is the sum of
/// the times of its ranks.
struct TraceStatistics {
  struct Function {
    std::string name;
    std::uint64_t tasks = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    double median = 0;  ///< of the tasks that a rank has run
    double longest = 0;
    double rank_time = 0;
  };
  struct SlowTask {
    std::string function;
    std::string name;
    std::uint64_t task = 0;
    std::uint64_t group = 0;
    std::string host;
    double time = 0;
    TracedOutcome outcome{};
  };
  /// One part of the time of a task.
  struct Phase {
    std::string name;
    double median = 0;
    double in_90_percent = 0;
    double in_99_percent = 0;
    double longest = 0;
  };
  /// The times of some ranks together: those of a host, of a group, or one rank.
  struct Ranks {
    std::uint64_t group = 0;
    int rank = 0;
    std::string host{};
    int ranks = 0;
    std::uint64_t tasks = 0;  ///< that its ranks have run; a task on two ranks counts twice
    double starting = 0;
    double in_tasks = 0;
    double in_lost_tasks = 0;
    double alive = 0;  ///< since the groups were ready
    void add(TraceSummary::Rank const& each);
    [[nodiscard]] double busy_percent() const { return alive > 0 ? 100 * in_tasks / alive : 0; }
    [[nodiscard]] double all() const { return starting + alive; }
  };
  /// How busy some ranks were at each time.
  struct Lane {
    std::string name;
    std::vector<double> busy;      ///< for each column, the part of the ranks' time that was spent in tasks
    std::vector<double> starting;  ///< for each column, the part of the ranks' time that was spent starting
    std::vector<double> present;   ///< for each column, the number of ranks, with those that were starting
  };

  bool is_complete = false;
  std::uint64_t submitted = 0;
  std::uint64_t done = 0;                             ///< tasks that have ended in any way
  std::map<TracedOutcome, std::uint64_t> outcomes{};  ///< of those
  double span = 0;                                    ///< from the first submission to the last result
  std::vector<Function> functions{};                  ///< by name
  std::vector<SlowTask> slowest{};                    ///< at most five
  std::vector<Phase> phases{};                        ///< empty if no task has run
  std::vector<Ranks> hosts{};
  std::vector<Ranks> groups{};
  std::vector<Ranks> ranks{};
  Ranks all_ranks{};
  std::vector<double> start_times{};  ///< sorted
  int failed_starts = 0;
  int groups_lost = 0;
  int further_attempts = 0;
  std::map<std::string, TraceSummary::Staging> staging{};
  double column_width = 0;
  std::vector<Lane> timeline{};  ///< all ranks, then the hosts if there are several, then the ranks if they are few
};

/// `columns` is how many the timeline has.
[[nodiscard]] TraceStatistics statistics_of(TraceSummary const& summary, std::size_t columns = 60);

/// Returns the value below which a part of the sorted values lies. There must be a value.
[[nodiscard]] double quantile(std::vector<double> const& sorted, double part);

}  // namespace farm::detail
