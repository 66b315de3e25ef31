#include "spawn/program/service/top/top_screen.hpp"

#include "spawn/program/service/shown_text.hpp"
#include "spawn/program/service/top/screen_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>

namespace farm::detail {
namespace {

constexpr std::size_t bar_width = 20;
constexpr std::size_t most_failures = 5;

TextStyle style_of(TaskState state) {
  switch (state) {
    case TaskState::finished:
      return TextStyle::good;
    case TaskState::failed:
      return TextStyle::bad;
    case TaskState::running:
      return TextStyle::active;
    case TaskState::held:
    case TaskState::blocked:
      return TextStyle::caution;
    default:
      return TextStyle::plain;
  }
}

std::string time_of_day(double seconds) {
  auto const time = static_cast<std::time_t>(seconds);
  std::tm local{};
  localtime_r(&time, &local);
  return fmt::format("{:%H:%M:%S}", local);
}

std::string name_of(JobReply const& job) {
  if (!job.name.empty()) return one_line(job.name);
  return one_line(job.function.empty() ? fmt::format("{}", fmt::join(job.command, " ")) : job.function);
}

/// Makes the lines of one screen.
class Screen {
 public:
  Screen(TopState const& state, TopView const& view) : state_(state), view_(view) {}

  std::vector<std::string> lines(std::string const& problem) {
    add_head(problem);
    auto const jobs = ordered_jobs(state_, view_.job_order);
    auto const groups = ordered_groups(state_, view_.group_order);
    std::vector<JobReply const*> failed;
    for (auto const* const job : jobs) {
      if (job->first_error && job->count(TaskState::failed) > 0) failed.push_back(job);
    }
    auto const all = view_.height == 0 ? std::numeric_limits<std::size_t>::max() / 2 : view_.height;
    auto room = all - std::min(all, lines_.size() + 1);  // the last line tells the keys
    auto const for_failures = failed.empty() ? 0 : std::min({failed.size() + 1, most_failures + 1, room / 4});
    room -= for_failures;
    auto const wanted = jobs.size() + 1;
    auto const for_jobs = std::min(wanted, std::max(room / 2, room - std::min(room, groups.size() + 1)));
    add_jobs(jobs, for_jobs);
    add_groups(groups, room - std::min(room, for_jobs));
    add_failures(failed, for_failures);
    if (view_.height != 0) add_keys();
    return std::move(lines_);
  }

 private:
  ScreenLine line() const { return {view_.width, view_.has_colours, view_.is_utf8}; }
  void end(ScreenLine& line) { lines_.push_back(line.take()); }

  void add_head(std::string const& problem) {
    auto const& server = state_.server;
    auto const program = one_line(server.program.substr(server.program.rfind('/') + 1));
    auto title = line();
    title.add(program.empty() ? "farm" : program, TextStyle::bold).add(" on ").add(one_line(server.host));
    title.add(fmt::format(": {}, {}", one_line(server.source), one_line(server.slots)));
    if (server.since > 0) title.add(fmt::format(", for {}", short_duration(state_.time - server.since)));
    auto const clock = time_of_day(state_.time);
    title.move_to_right(clock.size()).add(clock);
    end(title);
    add_counts();
    add_rates();
    for (auto const& text : {problem, server.problem}) {
      if (text.empty()) continue;
      auto warning = line();
      warning.add(one_line(text), TextStyle::bad);
      end(warning);
    }
    auto empty = line();
    end(empty);
  }

  void add_counts() {
    auto tasks = line();
    tasks.add("tasks   ");
    constexpr std::array order{TaskState::running, TaskState::waiting,  TaskState::held,     TaskState::blocked,
                               TaskState::failed,  TaskState::finished, TaskState::cancelled};
    bool is_first = true;
    for (auto const which : order) {
      auto const count = state_.server.counts.at(static_cast<std::size_t>(which));
      if (count == 0 && which != TaskState::running && which != TaskState::waiting) continue;
      if (!is_first) tasks.add(", ");
      is_first = false;
      tasks.add(fmt::format("{} {}", grouped(count), word_of(which)), style_of(which));
    }
    end(tasks);
  }

  void add_rates() {
    auto const ranks = count_ranks(state_.groups);
    auto const share = ranks.all == 0 ? 0.0 : static_cast<double>(ranks.busy) / static_cast<double>(ranks.all);
    auto rates = line();
    rates.add(fmt::format("ranks   {} in {}", grouped(static_cast<std::uint64_t>(ranks.all)),
                          counted(state_.groups.size(), "group")));
    if (state_.server.max_ranks > 0)
      rates.add(fmt::format(", of {}", grouped(static_cast<std::uint64_t>(state_.server.max_ranks))));
    rates.add(fmt::format("; busy {:3.0f} % ", 100 * share));
    rates.add(bar(share, 10), TextStyle::active);
    rates.add(fmt::format("  {} tasks/s", short_number(state_.server.rate)), TextStyle::bold);
    end(rates);
  }

  static std::string bar(double share, std::size_t width) {
    auto const full = static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(width)));
    return '[' + std::string(full, '#') + std::string(width - full, '.') + ']';
  }

  void add_heading(ScreenLine& heading, TopList list, std::string_view order) {
    heading.add(order, TextStyle::faint);
    if (view_.height != 0 && list == view_.list) heading.add("  <");
    end(heading);
  }

  void add_jobs(std::vector<JobReply const*> const& jobs, std::size_t room) {
    if (room == 0) return;
    auto const names = name_width();
    auto heading = line();
    heading.right_cell("JOB", 6, TextStyle::bold).cell("NAME", names, TextStyle::bold);
    heading.cell("STATE", 9, TextStyle::bold).cell("DONE", done_width(), TextStyle::bold);
    heading.right_cell("FAILED", 7, TextStyle::bold).right_cell("PER S", 7, TextStyle::bold);
    heading.right_cell("TIME LEFT", 11, TextStyle::bold);
    add_heading(heading, TopList::jobs, word_of(view_.job_order));
    auto const first = std::min(view_.first_job, jobs.empty() ? 0 : jobs.size() - 1);
    for (std::size_t i = first; i < jobs.size() && i - first + 1 < room; ++i) add_job(*jobs[i], names);
    if (!jobs.empty() || room < 2) return;
    auto none = line();
    none.add("there is no job");
    end(none);
  }

  [[nodiscard]] bool is_wide() const { return view_.width >= 100; }
  [[nodiscard]] std::size_t done_width() const { return is_wide() ? bar_width + 2 + 22 : 19; }
  [[nodiscard]] std::size_t name_width() const {
    auto const others = 6 + 9 + done_width() + 7 + 7 + 11 + 7;
    return std::clamp<std::size_t>(view_.width - std::min(view_.width, others), 8, 40);
  }

  void add_job(JobReply const& job, std::size_t names) {
    auto const done = job.count_ended();
    auto const failed = job.count(TaskState::failed);
    auto row = line();
    row.right_cell(std::to_string(job.job), 6).cell(name_of(job), names);
    row.cell(word_of(job.state), 9, style_of(job.state));
    auto const share = job.tasks == 0 ? 0 : static_cast<double>(done) / static_cast<double>(job.tasks);
    auto const numbers = fmt::format("{}/{}", grouped(done), grouped(job.tasks));
    row.cell(is_wide() ? bar(share, bar_width) + ' ' + numbers : numbers, done_width());
    row.right_cell(failed == 0 ? "" : grouped(failed), 7, TextStyle::bad);
    bool const goes_on = !has_ended(job.state);
    row.right_cell(goes_on && job.rate > 0 ? short_number(job.rate) : "", 7);
    row.right_cell(goes_on && job.seconds_left ? short_duration(*job.seconds_left) : "", 11);
    row.add(one_line(job.why), TextStyle::faint);
    end(row);
  }

  void add_groups(std::vector<TopGroup const*> const& groups, std::size_t room) {
    if (room == 0) return;
    auto heading = line();
    heading.right_cell("GROUP", 6, TextStyle::bold).right_cell("RANKS", 5, TextStyle::bold);
    heading.cell("HOSTS", host_width(), TextStyle::bold).cell("STATE", 9, TextStyle::bold);
    heading.right_cell("RUN", 9, TextStyle::bold).cell("TASK", 14, TextStyle::bold);
    heading.right_cell("FOR", 11, TextStyle::bold);
    add_heading(heading, TopList::groups, word_of(view_.group_order));
    auto const first = std::min(view_.first_group, groups.empty() ? 0 : groups.size() - 1);
    for (std::size_t i = first; i < groups.size() && i - first + 1 < room; ++i) add_group(*groups[i]);
    if (!groups.empty() || room < 2) return;
    auto none = line();
    none.add("no group has been started");
    end(none);
  }

  [[nodiscard]] std::size_t host_width() const { return is_wide() ? 20 : 10; }

  void add_group(TopGroup const& group) {
    auto row = line();
    row.right_cell(std::to_string(group.group), 6).right_cell(std::to_string(group.ranks), 5);
    row.cell(one_line(group.hosts), host_width());
    row.cell(group.state, 9, group.state == "running" ? TextStyle::active : TextStyle::plain);
    row.right_cell(grouped(group.tasks), 9);
    if (group.task) {
      row.cell(fmt::format("{}.{}", group.task->job, group.task->task), 14);
      row.right_cell(group.since ? short_duration(state_.time - *group.since) : "", 11);
      if (group.progress > 0) row.add(fmt::format("{:.0f} % ", 100 * group.progress));
      if (group.attempt > 1) row.add(fmt::format("attempt {} ", group.attempt), TextStyle::caution);
      for (auto const& job : state_.jobs) {
        if (job.job == group.task->job) row.add(name_of(job), TextStyle::faint);
      }
    }
    end(row);
  }

  void add_failures(std::vector<JobReply const*> const& failed, std::size_t room) {
    if (room < 2) return;
    auto heading = line();
    heading.add("FAILED", TextStyle::bold);
    end(heading);
    for (std::size_t i = 0; i < failed.size() && i + 1 < room; ++i) {
      auto const& error = *failed[i]->first_error;
      auto row = line();
      row.add(fmt::format("{}.{} ", failed[i]->job, error.task.value_or(0)), TextStyle::bad);
      if (error.rank && *error.rank >= 0) row.add(fmt::format("rank {} ", *error.rank));
      if (!error.host.empty()) row.add(fmt::format("on {} ", one_line(error.host)));
      row.add(one_line(error.text));
      end(row);
    }
  }

  void add_keys() {
    while (lines_.size() + 1 < view_.height) lines_.emplace_back();
    auto keys = line();
    keys.add("q quit   arrows, space, g, G scroll   tab other list   s order", TextStyle::faint);
    end(keys);
    if (lines_.size() > view_.height) lines_.resize(view_.height);
  }

  TopState const& state_;
  TopView const& view_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> top_lines(TopState const& state, TopView const& view, std::string const& problem) {
  return Screen{state, view}.lines(problem);
}

}  // namespace farm::detail
