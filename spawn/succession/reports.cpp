#include "spawn/succession/reports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace farm::detail {
namespace {

bool same(LoggedTask const& a, LoggedTask const& b) {
  return a.index == b.index && a.id == b.id && a.tag == b.tag && a.attempt == b.attempt;
}

/// All that the reports say of one task.
struct Said {
  InheritedTask inherited{};
  std::size_t answers = 0;
};

}  // namespace

Inheritance inheritance_of(std::vector<GuardReport> const& reports) {
  Inheritance all;
  // what one rank has forgotten was confirmed: then all ranks have answered it, and the others may forget it, too
  std::uint64_t forgotten_to = 0;
  for (auto const& report : reports) {
    all.begin_to = std::max(all.begin_to, report.begun);
    all.last_id = std::max(all.last_id, report.log.last_id);
    all.masters = std::max(all.masters, report.masters);
    auto const& answers = report.log.answers;
    bool const is_single = reports.size() == 1;
    if (!is_single)
      forgotten_to = std::max(forgotten_to, answers.empty() ? report.log.answered : answers.front().task.index);
  }
  std::map<std::uint64_t, Said> said;
  auto const say = [&](LoggedTask const& task, bool answered, double seconds) {
    if (task.index < forgotten_to) return;
    auto const [entry, is_new] = said.try_emplace(task.index);
    auto& inherited = entry->second.inherited;
    if (is_new) inherited.task = task;
    if (!same(inherited.task, task)) all.disagreement = fmt::format("its ranks know different tasks {}", task.index);
    if (answered) ++entry->second.answers;
    inherited.running_seconds = std::max(inherited.running_seconds, seconds);
  };
  for (auto const& report : reports) {
    for (auto const& answer : report.log.answers) say(answer.task, true, 0);
    auto const running = report.running();
    if (!running) continue;
    if (running->index + 1 != report.begun) all.disagreement = "a rank does not know what it runs";
    say(*running, false, std::max(report.log.latest_seconds, 1e-9));
  }
  for (auto& [index, entry] : said) {
    entry.inherited.answered = entry.answers == reports.size();
    all.tasks.push_back(entry.inherited);
  }
  all.first = all.tasks.empty() ? all.begin_to : all.tasks.front().task.index;
  // a group of several ranks is sent tasks without gaps
  if (reports.size() > 1 && all.first + all.tasks.size() != all.begin_to)
    all.disagreement = "a task is missing in what its ranks report";
  return all;
}

std::string why_stuck(RankReport const& report, std::uint64_t begin_to) {
  for (auto index = report.begun; index < begin_to; ++index) {
    bool const has = std::any_of(report.received.begin(), report.received.end(),
                                 [&](LoggedTask const& task) { return task.index == index; });
    if (!has)
      return fmt::format(
          "it has not received task {} of the group, which another rank has begun: the server died while "
          "it sent the task",
          index);
  }
  return {};
}

}  // namespace farm::detail
