#include "spawn/program/report/trace_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>

namespace farm::detail {
namespace {

using Task = TraceSummary::Task;

std::string duration(double us) {
  if (us < 1e3) return fmt::format("{:.1f} us", us);
  if (us < 1e6) return fmt::format("{:.2f} ms", us / 1e3);
  return fmt::format("{:.3f} s", us / 1e6);
}

std::string_view outcome_text(std::string_view outcome) {
  if (outcome == "value") return "with a value";
  if (outcome == "error") return "with an error";
  return outcome == "lost" ? "lost with their group" : "ended with their group";
}

std::string task_outcomes(TraceSummary const& summary) {
  std::map<std::string, int> outcomes;
  double first = std::numeric_limits<double>::max();
  double last = 0;
  for (auto const& [key, task] : summary.tasks) {
    ++outcomes[task.outcome];
    first = std::min(first, task.queued);
    last = std::max(last, task.received);
  }
  auto text = fmt::format("{} tasks", summary.tasks.size());
  for (auto const& [outcome, count] : outcomes) text += fmt::format(", {} {}", count, outcome_text(outcome));
  if (!summary.tasks.empty())
    text += fmt::format("; {} from the first submission to the last result", duration(last - first));
  return text + '\n';
}

template <class TimeOf>
std::string time_row(TraceSummary const& summary, char const* name, TimeOf time_of) {
  std::vector<double> values;
  for (auto const& [key, task] : summary.tasks) values.push_back(time_of(task));
  std::sort(values.begin(), values.end());
  auto const at = [&](double part) {
    return duration(values[static_cast<std::size_t>(std::ceil(part * static_cast<double>(values.size()))) - 1]);
  };
  double sum = 0;
  for (double const value : values) sum += value;
  return fmt::format("{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}\n", name, at(0.5), at(0.9), at(0.99),
                     duration(values.back()), duration(sum));
}

std::string task_times(TraceSummary const& summary) {
  if (summary.tasks.empty()) return {};
  auto text = fmt::format("\n{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "time of a task", "median", "90 %", "99 %",
                          "longest", "sum");
  text += time_row(summary, "queued at the master", [](Task const& task) { return task.sent - task.queued; });
  text +=
      time_row(summary, "sent, and waiting at the ranks", [](Task const& task) { return task.started - task.sent; });
  text += time_row(summary, "running", [](Task const& task) { return task.ended - task.started; });
  text += time_row(summary, "result sent to the master", [](Task const& task) { return task.received - task.ended; });
  return text;
}

/// Shares of the ranks' time, from the request for their start until they had exited.
std::string rank_shares(TraceSummary const& summary) {
  double starting = 0;
  double in_tasks = 0;
  double lost = 0;
  double alive = 0;
  for (auto const& [key, rank] : summary.ranks) {
    starting += rank.starting;
    in_tasks += rank.in_tasks;
    lost += rank.in_lost_tasks;
    alive += std::max(0.0, rank.last - rank.ready);
  }
  double const all = starting + alive;
  if (all <= 0) return {};
  auto const share = [&](double time) { return 100 * time / all; };
  return fmt::format(
      "\n{} ranks, {} in all: in tasks {:.1f} %, in lost tasks {:.1f} %, starting {:.1f} %, waiting {:.1f} %\n"
      "busy share after the start: {:.1f} %\n",
      summary.ranks.size(), duration(all), share(in_tasks), share(lost), share(starting),
      share(alive - in_tasks - lost), alive > 0 ? 100 * in_tasks / alive : 0);
}

std::string group_counts(TraceSummary const& summary) {
  auto times = summary.start_times;
  std::sort(times.begin(), times.end());
  auto text = fmt::format("\n{} groups were started", times.size());
  if (!times.empty())
    text += fmt::format(", in {} (median), {} (longest)", duration(times[times.size() / 2]), duration(times.back()));
  text += fmt::format("; {} failed to start; {} lost; {} further attempts of tasks\n", summary.failed_starts,
                      summary.losses, summary.retries);
  for (auto const& [host, ranks] : summary.ranks_on) text += fmt::format("{} ranks on {}\n", ranks, host);
  return text;
}

std::string staged_arrays(TraceSummary const& summary) {
  std::string text;
  for (auto const& [name, each] : summary.staging) {
    text += fmt::format("arrays, {}: {} times, {:.1f} MiB, {}\n", name, each.count, each.bytes / 1048576,
                        duration(each.time));
  }
  return text;
}

}  // namespace

std::string report_text(TraceSummary const& summary) {
  return task_outcomes(summary) + task_times(summary) + rank_shares(summary) + group_counts(summary) +
         staged_arrays(summary);
}

}  // namespace farm::detail
