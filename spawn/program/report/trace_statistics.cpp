#include "spawn/program/report/trace_statistics.hpp"

#include "spawn/program/report/busy_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>

namespace farm::detail {
namespace {

using Task = TraceSummary::Task;
using Statistics = TraceStatistics;

constexpr std::size_t most_slow_tasks = 5;
constexpr std::size_t columns = 60;
constexpr std::size_t most_hosts_in_timeline = 32;

double run_time(Task const& task) { return std::max(0.0, task.ended - task.started); }
bool has_run(Task const& task) { return task.attempt != 0; }

bool has_failed(TracedOutcome outcome) {
  return outcome != TracedOutcome::none && outcome != TracedOutcome::value && outcome != TracedOutcome::cancelled;
}

void add_outcomes(TraceSummary const& summary, Statistics& result) {
  double first = std::numeric_limits<double>::max();
  double last = 0;
  for (auto const& [key, task] : summary.tasks) {
    first = std::min(first, task.queued);
    last = std::max(last, task.received);
    auto const outcome = summary.outcome_of(task);
    if (outcome == TracedOutcome::none) continue;
    ++result.outcomes[outcome];
    ++result.done;
  }
  result.span = std::max(0.0, last - first);
}

void add_functions(TraceSummary const& summary, Statistics& result) {
  std::map<std::string, std::pair<Statistics::Function, std::vector<double>>> functions;
  std::vector<std::pair<Statistics::Function, std::vector<double>>*> entries;
  for (auto const& name : summary.functions) entries.push_back(&functions[name]);
  for (auto const& [key, task] : summary.tasks) {
    auto& [function, times] = *entries[task.function];
    auto const outcome = summary.outcome_of(task);
    ++function.tasks;
    function.failed += has_failed(outcome) ? 1U : 0U;
    function.cancelled += outcome == TracedOutcome::cancelled ? 1U : 0U;
    function.rank_time += task.rank_time;
    if (has_run(task)) times.push_back(run_time(task));
  }
  for (auto& [name, entry] : functions) {
    auto& [function, times] = entry;
    std::sort(times.begin(), times.end());
    function.name = name;
    if (!times.empty()) function.median = quantile(times, 0.5), function.longest = times.back();
    result.functions.push_back(std::move(function));
  }
}

void add_slowest(TraceSummary const& summary, Statistics& result) {
  using Entry = std::pair<TraceSummary::TaskKey const, Task>;
  std::vector<Entry const*> tasks;
  for (auto const& entry : summary.tasks) {
    if (has_run(entry.second)) tasks.push_back(&entry);
  }
  auto const count = std::min(most_slow_tasks, tasks.size());
  auto const order = [](Entry const* a, Entry const* b) {
    return std::tuple{-run_time(a->second), a->first.pool, a->first.task} <
           std::tuple{-run_time(b->second), b->first.pool, b->first.task};
  };
  std::partial_sort(tasks.begin(), tasks.begin() + static_cast<std::ptrdiff_t>(count), tasks.end(), order);
  tasks.resize(count);
  for (auto const* const entry : tasks) {
    auto const& task = entry->second;
    auto const rank = summary.ranks.find({task.group, 0});
    result.slowest.push_back({.function = summary.functions[task.function],
                              .name = task.name,
                              .task = entry->first.task,
                              .group = task.group,
                              .host = rank == summary.ranks.end() ? "?" : rank->second.host,
                              .time = run_time(task),
                              .outcome = summary.outcome_of(task)});
  }
}

template <class TimeOf>
void add_phase(TraceSummary const& summary, char const* name, TimeOf time_of, Statistics& result) {
  std::vector<double> values;
  for (auto const& [key, task] : summary.tasks) {
    if (has_run(task)) values.push_back(std::max(0.0, time_of(task)));
  }
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  result.phases.push_back({.name = name,
                           .median = quantile(values, 0.5),
                           .in_90_percent = quantile(values, 0.9),
                           .in_99_percent = quantile(values, 0.99),
                           .longest = values.back()});
}

void add_phases(TraceSummary const& summary, Statistics& result) {
  add_phase(
      summary, "queued at the master", [](Task const& task) { return task.sent - task.queued; }, result);
  add_phase(
      summary, "sent, and waiting at the ranks", [](Task const& task) { return task.started - task.sent; }, result);
  add_phase(
      summary, "running", [](Task const& task) { return task.ended - task.started; }, result);
  add_phase(
      summary, "result sent to the master", [](Task const& task) { return task.received - task.ended; }, result);
}

void add_ranks(TraceSummary const& summary, Statistics& result) {
  std::map<std::string, Statistics::Ranks> hosts;
  for (auto const& [key, rank] : summary.ranks) {
    auto& host = hosts[rank.host];
    host.host = rank.host;
    host.add(rank);
    if (result.groups.empty() || result.groups.back().group != key.first)
      result.groups.push_back({.group = key.first, .host = rank.host});
    auto& group = result.groups.back();
    if (group.host != rank.host) group.host = "several";
    group.add(rank);
    result.ranks.push_back({.group = key.first, .rank = key.second, .host = rank.host});
    result.ranks.back().add(rank);
    result.all_ranks.add(rank);
  }
  for (auto& [name, host] : hosts) result.hosts.push_back(std::move(host));
}

/// The times of the ranks of one lane of the timeline.
struct Profiles {
  std::vector<double> busy = std::vector<double>(columns);
  BusyProfile starting{};
  BusyProfile alive{};

  void add_life(TraceSummary::Rank const& rank) {
    starting.add(rank.ready - rank.starting, rank.ready);
    alive.add(rank.ready, rank.last);
  }
  void add_busy(BusyProfile const& profile, double width) {
    auto const times = profile.columns(width, columns);
    for (std::size_t i = 0; i < columns; ++i) busy[i] += times[i];
  }
  [[nodiscard]] Statistics::Lane lane(std::string name, double width) const {
    auto const starts = starting.columns(width, columns);
    auto const lives = alive.columns(width, columns);
    Statistics::Lane lane{.name = std::move(name), .busy = {}, .starting = {}, .present = {}};
    for (std::size_t i = 0; i < columns; ++i) {
      auto const present = starts[i] + lives[i];
      lane.busy.push_back(present > 0 ? std::min(1.0, busy[i] / present) : 0);
      lane.starting.push_back(present > 0 ? starts[i] / present : 0);
      lane.present.push_back(present / width);
    }
    return lane;
  }
};

void add_timeline(TraceSummary const& summary, Statistics& result) {
  double end = 0;
  for (auto const& [key, rank] : summary.ranks) end = std::max(end, rank.last);
  if (end <= 0) return;
  auto const width = end / static_cast<double>(columns);
  result.column_width = width;
  Profiles all;
  std::map<std::string, Profiles> hosts;
  for (auto const& [key, rank] : summary.ranks) {
    all.add_life(rank);
    hosts[rank.host].add_life(rank);
  }
  for (auto const& [host, profile] : summary.busy_on) {
    all.add_busy(profile, width);
    hosts[host].add_busy(profile, width);
  }
  result.timeline.push_back(all.lane("all ranks", width));
  if (hosts.size() > 1 && hosts.size() <= most_hosts_in_timeline) {
    for (auto const& [host, profiles] : hosts) result.timeline.push_back(profiles.lane(host, width));
  }
  if (summary.ranks.size() > TraceSummary::most_profiles || summary.ranks.size() == 1) return;
  for (auto const& [key, rank] : summary.ranks) {
    Profiles own;
    own.add_life(rank);
    own.add_busy(rank.busy, width);
    result.timeline.push_back(own.lane(fmt::format("group {}, rank {}", key.first, key.second), width));
  }
}

}  // namespace

double quantile(std::vector<double> const& sorted, double part) {
  return sorted[static_cast<std::size_t>(std::ceil(part * static_cast<double>(sorted.size()))) - 1];
}

void TraceStatistics::Ranks::add(TraceSummary::Rank const& each) {
  ++ranks;
  tasks += each.tasks;
  starting += each.starting;
  in_tasks += each.in_tasks;
  in_lost_tasks += each.in_lost_tasks;
  alive += std::max(0.0, each.last - each.ready);
}

TraceStatistics statistics_of(TraceSummary const& summary) {
  TraceStatistics result{.is_complete = summary.is_complete,
                         .submitted = summary.submitted,
                         .start_times = summary.start_times,
                         .failed_starts = summary.failed_starts,
                         .groups_lost = summary.losses,
                         .further_attempts = summary.retries,
                         .staging = summary.staging};
  std::sort(result.start_times.begin(), result.start_times.end());
  if (!summary.tasks.empty()) add_outcomes(summary, result);
  add_functions(summary, result);
  add_slowest(summary, result);
  add_phases(summary, result);
  add_ranks(summary, result);
  add_timeline(summary, result);
  return result;
}

}  // namespace farm::detail
