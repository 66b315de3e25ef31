#include "spawn/program/report/html/job_report.hpp"

#include "spawn/program/report/html/html_page.hpp"
#include "spawn/program/report/html/svg_timeline.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

constexpr std::size_t most_bars = 5000;  // beyond that, lanes are drawn in columns
constexpr std::size_t columns = 500;
constexpr std::size_t most_lanes = 200;
constexpr std::size_t most_failures = 100;
constexpr std::size_t most_slow = 20;
constexpr std::size_t longest_text = 2000;

std::string moment(double seconds) {
  auto const time = static_cast<std::time_t>(seconds);
  std::tm local{};
  localtime_r(&time, &local);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", local);
}

std::string duration(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.0f} us", 1e6 * std::max(0.0, seconds));
  if (seconds < 1) return fmt::format("{:.1f} ms", 1e3 * seconds);
  if (seconds < 100) return fmt::format("{:.2f} s", seconds);
  if (seconds < 6000) return fmt::format("{:.1f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80) --most;
  return text.substr(0, most) + " ...";
}

std::string name_of(JobReply const& job) {
  return job.function.empty() ? fmt::format("{}", fmt::join(job.command, " ")) : job.function;
}

std::string place_of(TaskFailure const& error) {
  std::string text = error.type;
  if (error.rank && *error.rank >= 0) text += fmt::format("{}rank {}", text.empty() ? "" : ", ", *error.rank);
  if (!error.host.empty()) text += fmt::format(" on {}", error.host);
  return text;
}

/// What a group has run.
struct Lane {
  std::string hosts{};
  double busy = 0;
  std::vector<TimelineSpan> bars{};
  std::vector<double> shares{};
};

/// Adds up the tasks of a job, one after the other.
class JobTimes {
 public:
  JobTimes(JobReply const& job, double time)
      : begin_(job.started.value_or(job.submitted)),
        length_(std::max(1e-3, job.ended.value_or(time) - begin_)),
        has_bars_(job.tasks <= most_bars) {}

  void add(TaskReply const& task) {
    if (task.error && task.state == TaskState::failed) add_failure(task);
    if (!task.started || *task.started <= 0) return;
    auto const begin = *task.started;
    auto const end = task.ended && has_ended(task.state) ? *task.ended : begin_ + length_;
    if (has_ended(task.state)) {
      seconds.push_back(task.seconds);
      add_slow(task);
      attempts += task.attempts > 0 ? task.attempts - 1 : 0;
    }
    add_span(task, begin - begin_, std::max(begin, end) - begin_);
  }

  [[nodiscard]] double length() const { return length_; }
  [[nodiscard]] std::vector<TimelineLane> lanes() const {
    std::vector<TimelineLane> result;
    for (auto const& [group, lane] : lanes_) {
      if (result.size() == most_lanes) break;
      TimelineLane shown;
      shown.name = fmt::format("group {}{}{}", group, lane.hosts.empty() ? "" : ", ", cut(lane.hosts, 40));
      shown.words = fmt::format("busy {:.0f} %", 100 * std::min(1.0, lane.busy / length_));
      shown.spans = has_bars_ ? lane.bars : spans_of(lane.shares);
      result.push_back(std::move(shown));
    }
    return result;
  }
  [[nodiscard]] std::size_t groups() const { return lanes_.size(); }

  std::vector<double> seconds{};
  std::vector<std::pair<double, std::vector<std::string>>> slow{};
  std::vector<std::vector<std::string>> failures{};
  std::uint64_t attempts = 0;  ///< beyond the first ones

 private:
  void add_failure(TaskReply const& task) {
    if (failures.size() >= most_failures) return;
    failures.push_back({std::to_string(task.task), cut(task.error->text, longest_text), place_of(*task.error),
                        cut(task.input, 200), std::to_string(task.attempts)});
  }

  void add_slow(TaskReply const& task) {
    if (slow.size() == most_slow && task.seconds <= slow.back().first) return;
    std::pair<double, std::vector<std::string>> entry{
        task.seconds,
        {std::to_string(task.task), duration(task.seconds), std::string{word_of(task.state)},
         task.group == 0 ? "" : fmt::format("{}, {}", task.group, task.hosts), cut(task.input, 200)}};
    auto const place = std::upper_bound(slow.begin(), slow.end(), entry,
                                        [](auto const& a, auto const& b) { return a.first > b.first; });
    slow.insert(place, std::move(entry));
    if (slow.size() > most_slow) slow.pop_back();
  }

  void add_span(TaskReply const& task, double begin, double end) {
    if (task.group == 0) return;
    auto& lane = lanes_[task.group];
    if (lane.hosts.empty()) lane.hosts = task.hosts;
    lane.busy += std::max(0.0, std::min(end, length_) - std::max(0.0, begin));
    if (has_bars_) {
      bool const is_bad = task.state == TaskState::failed || task.state == TaskState::cancelled;
      lane.bars.push_back({begin, end, is_bad ? TimelineSpan::Kind::failed : TimelineSpan::Kind::busy, 1,
                           fmt::format("task {}, {}, {}", task.task, word_of(task.state), duration(end - begin))});
      return;
    }
    lane.shares.resize(columns);
    auto const width = length_ / columns;
    auto const first = static_cast<std::size_t>(std::clamp(begin / width, 0.0, columns - 1.0));
    for (auto i = first; i < columns && static_cast<double>(i) * width < end; ++i) {
      auto const left = static_cast<double>(i) * width;
      lane.shares[i] += std::max(0.0, std::min(end, left + width) - std::max(begin, left)) / width;
    }
  }

  [[nodiscard]] std::vector<TimelineSpan> spans_of(std::vector<double> const& shares) const {
    std::vector<TimelineSpan> spans;
    auto const width = length_ / columns;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      auto const left = static_cast<double>(i) * width;
      spans.push_back({left, left + width, TimelineSpan::Kind::busy, std::min(1.0, shares[i]), {}});
    }
    return spans;
  }

  double begin_;
  double length_;
  bool has_bars_;
  std::map<std::uint64_t, Lane> lanes_{};
};

std::string counts_of(JobReply const& job) {
  std::string text;
  for (std::size_t i = 0; i < job.counts.size(); ++i) {
    if (job.counts[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", job.counts[i], word_of(static_cast<TaskState>(i)));
  }
  return text;
}

void add_facts(HtmlPage& page, JobReply const& job, JobTimes& times, double time) {
  auto& seconds = times.seconds;
  std::sort(seconds.begin(), seconds.end());
  auto const part = [&](double share) {
    return seconds.empty()
               ? std::string{}
               : duration(
                     seconds[static_cast<std::size_t>(std::ceil(share * static_cast<double>(seconds.size())) - 1)]);
  };
  double sum = 0;
  for (auto const each : seconds) sum += each;
  bool const runs = !job.ended && !has_ended(job.state);
  page.add_facts(
      {{"State", fmt::format("{}{}", word_of(job.state), runs ? fmt::format(", as of {}", moment(time)) : "")},
       {"Runs", fmt::format("{}, on {} rank{}", name_of(job), job.ranks, job.ranks == 1 ? "" : "s")},
       {"Tasks", fmt::format("{}: {}", job.tasks, counts_of(job))},
       {"Submitted", moment(job.submitted)},
       {"Started", job.started ? moment(*job.started) : ""},
       {"Ended", job.ended ? moment(*job.ended) : ""},
       {"Took", job.started ? duration(times.length()) : ""},
       {"Time of a task", seconds.empty() ? ""
                                          : fmt::format("{} (median), {} (90 %), {} (longest)", part(0.5), part(0.9),
                                                        duration(seconds.back()))},
       {"Time in tasks", seconds.empty() ? "" : fmt::format("{} of groups", duration(sum))},
       {"Further attempts", times.attempts == 0 ? "" : std::to_string(times.attempts)}});
}

}  // namespace

std::string job_report(JobReply const& job, ForEachTask const& for_each_task, double time) {
  JobTimes times{job, time};
  for_each_task([&](TaskReply const& task) { times.add(task); });
  HtmlPage page{fmt::format("Job {}, {}", job.job, job.name.empty() ? name_of(job) : job.name)};
  add_facts(page, job, times, time);
  auto const lanes = times.lanes();
  if (!lanes.empty()) {
    page.add_heading("Groups");
    page.add_markup(
        svg_timeline(lanes, times.length(), moment(job.started.value_or(job.submitted)), duration(times.length())));
    if (times.groups() > lanes.size())
      page.add_paragraph(fmt::format("The first {} of {} groups are shown.", lanes.size(), times.groups()));
  }
  if (!times.failures.empty()) {
    page.add_heading("Failures");
    auto const failed = job.count(TaskState::failed);
    if (failed > times.failures.size())
      page.add_paragraph(fmt::format("The first {} of {} are shown.", times.failures.size(), failed));
    page.add_table("", {"Task", "Error", "Where", "Input", "Attempts"}, "ntttn", times.failures);
  }
  if (!times.slow.empty()) {
    page.add_heading("Slowest tasks");
    std::vector<std::vector<std::string>> rows;
    for (auto const& [seconds, row] : times.slow) rows.push_back(row);
    page.add_table("", {"Task", "Time", "State", "Group", "Input"}, "nnttt", rows);
  }
  return page.text();
}

}  // namespace farm::detail
