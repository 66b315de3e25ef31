#include "spawn/program/report/trace_html.hpp"

#include "spawn/program/report/html/html_page.hpp"
#include "spawn/program/report/html/svg_timeline.hpp"
#include "spawn/program/report/report_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

using Statistics = TraceStatistics;
using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t most_rows = 200;

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string outcomes(Statistics const& statistics) {
  std::string text;
  for (auto const& [outcome, count] : statistics.outcomes)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, text_of(outcome));
  if (statistics.done < statistics.submitted)
    text += fmt::format("{}{} not done", text.empty() ? "" : ", ", statistics.submitted - statistics.done);
  return text;
}

void add_facts(HtmlPage& page, Statistics const& statistics) {
  auto const& ranks = statistics.all_ranks;
  auto const all = ranks.all();
  auto const share = [&](double time) { return percent(all > 0 ? time / all : 0); };
  auto const waiting = std::max(0.0, ranks.alive - ranks.in_tasks - ranks.in_lost_tasks);
  auto const& starts = statistics.start_times;
  std::string groups = fmt::format("{} started", starts.size());
  if (!starts.empty())
    groups += fmt::format(", in {} (median), {} (longest)", duration_text(quantile(starts, 0.5)),
                          duration_text(starts.back()));
  if (statistics.failed_starts > 0) groups += fmt::format("; {} failed to start", statistics.failed_starts);
  if (statistics.groups_lost > 0) groups += fmt::format("; {} lost", statistics.groups_lost);
  std::string staged;
  for (auto const& [name, each] : statistics.staging)
    staged += fmt::format("{}{}: {} times, {:.1f} MiB, {}", staged.empty() ? "" : "; ", name, each.count,
                          each.bytes / 1048576, duration_text(each.time));
  page.add_facts(
      {{"Trace", statistics.is_complete ? "" : "unfinished: the program still runs, or was killed"},
       {"Tasks", fmt::format("{}: {}", statistics.submitted, outcomes(statistics))},
       {"Took", statistics.done == 0
                    ? ""
                    : fmt::format("{} from the first submission to the last result", duration_text(statistics.span))},
       {"Ranks", all <= 0 ? "" : fmt::format("{}, {}", ranks.ranks, rank_time_text(all))},
       {"Their time", all <= 0
                          ? ""
                          : fmt::format("in tasks {}, in lost tasks {}, starting {}, waiting {}", share(ranks.in_tasks),
                                        share(ranks.in_lost_tasks), share(ranks.starting), share(waiting))},
       {"Busy after the start", all <= 0 ? "" : fmt::format("{:.1f} %", ranks.busy_percent())},
       {"Groups", groups},
       {"Further attempts", statistics.further_attempts == 0 ? "" : std::to_string(statistics.further_attempts)},
       {"Arrays", staged}});
}

void add_timeline(HtmlPage& page, Statistics const& statistics) {
  if (statistics.timeline.empty()) return;
  auto const width = statistics.column_width;
  auto const length = width * static_cast<double>(statistics.timeline.front().busy.size());
  std::vector<TimelineLane> lanes;
  for (auto const& lane : statistics.timeline) {
    TimelineLane shown{.name = lane.name, .words = {}, .spans = {}};
    double busy = 0;
    double present = 0;
    for (std::size_t i = 0; i < lane.busy.size(); ++i) {
      auto const left = static_cast<double>(i) * width;
      if (lane.present[i] < 0.1) continue;
      busy += lane.busy[i] * lane.present[i];
      present += lane.present[i];
      auto const time = duration_text(left);
      shown.spans.push_back({left, left + width, TimelineSpan::Kind::busy, lane.busy[i],
                             fmt::format("at {}: busy {}", time, percent(lane.busy[i]))});
      if (lane.starting[i] > 0.5) {
        shown.spans.back() = {left, left + width, TimelineSpan::Kind::starting, lane.starting[i],
                              fmt::format("at {}: starting", time)};
      }
    }
    shown.words = fmt::format("busy {}", percent(present > 0 ? busy / present : 0));
    lanes.push_back(std::move(shown));
  }
  page.add_heading("Timeline");
  page.add_markup(svg_timeline(lanes, length, "0", duration_text(length)));
}

void add_functions(HtmlPage& page, Statistics const& statistics) {
  if (statistics.functions.empty()) return;
  Rows rows;
  for (auto const& each : statistics.functions) {
    rows.push_back({each.name, std::to_string(each.tasks), std::to_string(each.failed), std::to_string(each.cancelled),
                    duration_text(each.median), duration_text(each.longest), rank_time_text(each.rank_time)});
  }
  page.add_heading("Functions");
  page.add_table("", {"Function", "Tasks", "Failed", "Cancelled", "Median", "Longest", "Time of ranks"}, "tnnnnnn",
                 rows);
}

void add_slowest(HtmlPage& page, Statistics const& statistics) {
  if (statistics.slowest.empty()) return;
  Rows rows;
  for (auto const& task : statistics.slowest) {
    rows.push_back({task.function, std::to_string(task.task), task.name, duration_text(task.time),
                    std::to_string(task.group), task.host, std::string{text_of(task.outcome)}});
  }
  page.add_heading("Slowest tasks");
  page.add_table("", {"Function", "Task", "Name", "Time", "Group", "Host", "Outcome"}, "tntnntt", rows);
}

void add_phases(HtmlPage& page, Statistics const& statistics) {
  if (statistics.phases.empty()) return;
  Rows rows;
  for (auto const& each : statistics.phases) {
    rows.push_back({each.name, duration_text(each.median), duration_text(each.in_90_percent),
                    duration_text(each.in_99_percent), duration_text(each.longest)});
  }
  page.add_heading("Where the time of a task goes");
  page.add_table("", {"Part", "Median", "90 %", "99 %", "Longest"}, "tnnnn", rows);
}

void add_ranks(HtmlPage& page, Statistics const& statistics) {
  if (statistics.ranks.empty()) return;
  Rows rows;
  auto const add = [&](std::string name, Statistics::Ranks const& ranks) {
    rows.push_back({std::move(name), std::to_string(ranks.ranks), std::to_string(ranks.tasks),
                    duration_text(ranks.in_tasks), fmt::format("{:.1f} %", ranks.busy_percent())});
  };
  for (auto const& host : statistics.hosts) add(host.host, host);
  for (auto const& group : statistics.groups) {
    if (rows.size() == most_rows) break;
    add(fmt::format("group {} on {}", group.group, group.host), group);
  }
  page.add_heading("Hosts and groups");
  page.add_table("", {"", "Ranks", "Tasks", "In tasks", "Busy"}, "tnnnn", rows);
  auto const all = statistics.hosts.size() + statistics.groups.size();
  if (rows.size() < all) page.add_paragraph(fmt::format("{} rows of {} are shown; --json has all.", rows.size(), all));
}

}  // namespace

std::string trace_html(Statistics const& statistics, std::string const& source) {
  HtmlPage page{fmt::format("Report of {}", source)};
  add_facts(page, statistics);
  add_timeline(page, statistics);
  add_functions(page, statistics);
  add_slowest(page, statistics);
  add_phases(page, statistics);
  add_ranks(page, statistics);
  return page.text();
}

}  // namespace farm::detail
