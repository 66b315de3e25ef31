#include "spawn/program/report/report_text.hpp"

#include "spawn/program/report/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {
namespace {

using Statistics = TraceStatistics;

/// The tables list no more groups or ranks.
constexpr std::size_t most_rows = 32;
constexpr std::size_t longest_name = 60;

std::string duration(double us) {
  if (us < 1e3) return fmt::format("{:.1f} us", us);
  if (us < 1e6) return fmt::format("{:.2f} ms", us / 1e3);
  if (us < 60e6) return fmt::format("{:.3f} s", us / 1e6);
  if (us < 3600e6) return fmt::format("{:.1f} min", us / 60e6);
  return fmt::format("{:.1f} h", us / 3600e6);
}

/// Returns the sum of the times of ranks.
std::string rank_time(double us) {
  if (us < 100e6) return fmt::format("{:.3g} rank-seconds", us / 1e6);
  if (us < 3600e6) return fmt::format("{:.0f} rank-seconds", us / 1e6);
  return fmt::format("{:.1f} rank-hours", us / 3600e6);
}

std::string_view text_of(TracedOutcome outcome) {
  switch (outcome) {
    case TracedOutcome::none:
      return "not done";
    case TracedOutcome::value:
      return "with a value";
    case TracedOutcome::error:
      return "with an error";
    case TracedOutcome::timeout:
      return "timed out";
    case TracedOutcome::cancelled:
      return "cancelled";
    case TracedOutcome::lost:
      return "lost with their group";
    case TracedOutcome::not_run:
      return "not run";
    case TracedOutcome::failed:
      return "failed at the master";
    case TracedOutcome::ended:
      return "stopped with their group";
  }
  return "";
}

std::string task_outcomes(Statistics const& statistics) {
  std::string text;
  if (!statistics.is_complete) {
    text += fmt::format("unfinished trace: {} of {} tasks done (the program still runs, or was killed)\n",
                        statistics.done, statistics.submitted);
  }
  text += fmt::format("{} tasks", statistics.submitted);
  for (auto const& [outcome, count] : statistics.outcomes) text += fmt::format(", {} {}", count, text_of(outcome));
  if (statistics.done < statistics.submitted)
    text += fmt::format(", {} not done", statistics.submitted - statistics.done);
  if (statistics.done != 0)
    text += fmt::format("; {} from the first submission to the last result", duration(statistics.span));
  return text + '\n';
}

std::string function_table(Statistics const& statistics) {
  if (statistics.functions.empty()) return {};
  bool const any_cancelled = std::any_of(statistics.functions.begin(), statistics.functions.end(),
                                         [](auto const& function) { return function.cancelled != 0; });
  std::vector<std::string> headings{"function", "tasks", "failed"};
  if (any_cancelled) headings.emplace_back("cancelled");
  headings.insert(headings.end(), {"median", "longest", "rank time"});
  TextTable table{headings};
  for (auto const& function : statistics.functions) {
    std::vector<std::string> row{cell_text(function.name, longest_name), fmt::format("{}", function.tasks),
                                 fmt::format("{}", function.failed)};
    if (any_cancelled) row.push_back(fmt::format("{}", function.cancelled));
    row.insert(row.end(), {duration(function.median), duration(function.longest), duration(function.rank_time)});
    table.add(std::move(row));
  }
  return '\n' + table.text();
}

std::string slowest_tasks(Statistics const& statistics) {
  if (statistics.slowest.empty()) return {};
  TextTable table{{"slowest tasks", "task", "group", "time", "name, host, outcome"}, true};
  for (auto const& task : statistics.slowest) {
    auto const name = task.name.empty() ? std::string{} : cell_text(task.name, longest_name) + ", ";
    table.add({cell_text(task.function, longest_name), fmt::format("{}", task.task), fmt::format("{}", task.group),
               duration(task.time), fmt::format("{}{}, {}", name, task.host, text_of(task.outcome))});
  }
  return '\n' + table.text();
}

std::string task_times(Statistics const& statistics) {
  if (statistics.phases.empty()) return {};
  TextTable table{{"time of a task", "median", "90 %", "99 %", "longest"}};
  for (auto const& phase : statistics.phases) {
    table.add({phase.name, duration(phase.median), duration(phase.in_90_percent), duration(phase.in_99_percent),
               duration(phase.longest)});
  }
  return '\n' + table.text();
}

std::string rank_table(Statistics const& statistics) {
  if (statistics.ranks.empty()) return {};
  TextTable table{{"host", "ranks", "tasks", "in tasks", "busy"}};
  auto const add = [&](std::string const& name, Statistics::Ranks const& ranks) {
    table.add({name, fmt::format("{}", ranks.ranks), fmt::format("{}", ranks.tasks), duration(ranks.in_tasks),
               fmt::format("{:.1f} %", ranks.busy_percent())});
  };
  for (auto const& host : statistics.hosts) add(host.host, host);
  bool const lists_ranks = statistics.ranks.size() <= most_rows;
  bool const lists_groups = !lists_ranks && statistics.groups.size() <= most_rows;
  if (lists_ranks) {
    for (auto const& rank : statistics.ranks) add(fmt::format("  group {}, rank {}", rank.group, rank.rank), rank);
  }
  if (lists_groups) {
    for (auto const& group : statistics.groups) add(fmt::format("  group {} on {}", group.group, group.host), group);
  }
  auto text = '\n' + table.text();
  if (!lists_ranks)
    text +=
        fmt::format("{} ranks of {} groups: --json lists them\n", statistics.ranks.size(), statistics.groups.size());
  return text;
}

/// Returns the character of one column of a lane.
char mark_of(Statistics::Lane const& lane, std::size_t column) {
  if (lane.present[column] < 0.1) return ' ';
  if (lane.starting[column] > 0.5) return 's';
  if (lane.busy[column] >= 0.75) return '#';
  if (lane.busy[column] >= 0.25) return '+';
  return lane.busy[column] >= 0.01 ? '-' : '.';
}

std::string timeline(Statistics const& statistics) {
  if (statistics.timeline.empty()) return {};
  auto const columns = statistics.timeline.front().busy.size();
  TextTable table{{"timeline", fmt::format("{} in {} columns of {}",
                                           duration(statistics.column_width * static_cast<double>(columns)), columns,
                                           duration(statistics.column_width))},
                  true};
  for (auto const& lane : statistics.timeline) {
    std::string marks;
    for (std::size_t i = 0; i < columns; ++i) marks += mark_of(lane, i);
    table.add({lane.name, '|' + marks + '|'});
  }
  return '\n' + table.text() + "# busy   + busy for 25 to 75 %   - busy for less   . waiting   s starting\n";
}

/// Shares of the ranks' time, from the request for their start until they had exited.
std::string rank_shares(Statistics const& statistics) {
  auto const& ranks = statistics.all_ranks;
  auto const all = ranks.all();
  if (all <= 0) return {};
  auto const share = [&](double time) { return 100 * time / all; };
  return fmt::format(
      "\n{} ranks, {}: in tasks {:.1f} %, in lost tasks {:.1f} %, starting {:.1f} %, waiting {:.1f} %\n"
      "busy share after the start: {:.1f} %\n",
      ranks.ranks, rank_time(all), share(ranks.in_tasks), share(ranks.in_lost_tasks), share(ranks.starting),
      share(std::max(0.0, ranks.alive - ranks.in_tasks - ranks.in_lost_tasks)), ranks.busy_percent());
}

std::string group_counts(Statistics const& statistics) {
  auto const& times = statistics.start_times;
  auto text = fmt::format("\n{} groups were started", times.size());
  if (!times.empty())
    text += fmt::format(", in {} (median), {} (longest)", duration(quantile(times, 0.5)), duration(times.back()));
  text += fmt::format("; {} failed to start; {} lost; {} further attempts of tasks\n", statistics.failed_starts,
                      statistics.groups_lost, statistics.further_attempts);
  for (auto const& host : statistics.hosts) text += fmt::format("{} ranks on {}\n", host.ranks, host.host);
  return text;
}

std::string staged_arrays(Statistics const& statistics) {
  std::string text;
  for (auto const& [name, each] : statistics.staging) {
    text += fmt::format("arrays, {}: {} times, {:.1f} MiB, {}\n", name, each.count, each.bytes / 1048576,
                        duration(each.time));
  }
  return text;
}

}  // namespace

std::string report_text(Statistics const& statistics) {
  return task_outcomes(statistics) + function_table(statistics) + slowest_tasks(statistics) + task_times(statistics) +
         rank_table(statistics) + timeline(statistics) + rank_shares(statistics) + group_counts(statistics) +
         staged_arrays(statistics);
}

}  // namespace farm::detail
