#include "spawn/service/protocol/shown.hpp"

#include "spawn/service/model/job_json.hpp"
#include "spawn/service/protocol/object_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>

namespace farm::detail {
namespace {

double unix_time_of(std::chrono::steady_clock::time_point time) {
  auto const ago = std::chrono::steady_clock::now() - time;
  auto const then = std::chrono::system_clock::now() - ago;
  return std::chrono::duration<double>(then.time_since_epoch()).count();
}

char const* word_of(GroupView::State state) {
  switch (state) {
    case GroupView::State::starting:
      return "starting";
    case GroupView::State::idle:
      return "idle";
    case GroupView::State::running:
      return "running";
    case GroupView::State::leaving:
      return "leaving";
  }
  return "leaving";
}

std::vector<std::string> different(std::vector<std::string> hosts) {
  std::erase(hosts, "");
  std::sort(hosts.begin(), hosts.end());
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return hosts;
}

std::vector<std::string> split_hosts(std::string const& text) {
  std::vector<std::string> hosts;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = std::min(text.find(',', begin), text.size());
    hosts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return hosts;
}

double rounded(double seconds) { return std::round(seconds * 1e6) / 1e6; }

}  // namespace

std::string shown_counts(StateCounts const& counts) {
  ObjectText text;
  for (std::size_t i = 0; i < counts.size(); ++i) text.add(detail::word_of(static_cast<TaskState>(i)), counts[i]);
  return text.take();
}

std::string shown_job(JobInfo const& job, bool with_spec) {
  auto const& kind = job.spec->kinds.front();
  ObjectText text;
  text.add("job", job.number).add("name", job.spec->name).add("state", detail::word_of(job.state));
  if (kind.command.empty()) {
    text.add("function", kind.function);
  } else {
    text.add("command", kind.command);
  }
  text.add("ranks", std::max(1, kind.ranks)).add("tasks", job.tasks).raw("counts", shown_counts(job.counts));
  text.add_time("submitted", job.submitted).add_time("started", job.started).add_time("ended", job.ended);
  text.add("priority", job.priority);
  std::vector<std::string> after;
  for (auto const number : job.spec->after) after.push_back(std::to_string(number));
  text.raw("after", list_of(after));
  if (job.seconds_left) {
    text.add("seconds_left", rounded(*job.seconds_left));
  } else {
    text.null("seconds_left");
  }
  text.add("rate", rounded(job.rate)).add_or_null("why", job.why);
  if (job.first_failed && !job.first_error.empty()) {
    text.raw("first_error", fmt::format(R"({{"task":{},{})", *job.first_failed, job.first_error.substr(1)));
  } else {
    text.null("first_error");
  }
  if (with_spec) text.raw("spec", spec_to_json(*job.spec));
  return text.take();
}

std::string shown_task(TaskName name, TaskState state, TaskSpec const& spec, std::uint32_t attempts, TaskEnd const* end,
                       RunningTask const* running, std::string_view history) {
  bool const ended = has_ended(state) && end != nullptr;
  ObjectText text;
  text.add("job", name.job).add("task", name.task).add_or_null("name", spec.name).add("state", detail::word_of(state));
  text.raw("input", spec.input.empty() ? "null" : spec.input);
  text.raw("result", ended && state == TaskState::finished ? std::string_view{end->value} : "null");
  text.raw("error", ended && state != TaskState::finished ? std::string_view{end->value} : "null");
  text.add("attempts", running != nullptr ? running->attempt : attempts);
  text.add("seconds", ended ? rounded(end->seconds) : 0.0);
  if (running != nullptr) {
    text.add_time("started", unix_time_of(running->since)).null("ended").add("group", running->group);
    text.add("hosts", different(running->hosts));
  } else {
    text.add_time("started", ended ? end->started : 0).add_time("ended", ended ? end->ended : 0);
    text.raw("group", ended && end->group != 0 ? std::to_string(end->group) : "null");
    text.add("hosts", ended ? split_hosts(end->hosts) : std::vector<std::string>{});
  }
  text.raw("peak_memory", ended && end->peak_memory != 0 ? std::to_string(end->peak_memory) : "null");
  std::vector<std::string> needs;
  for (auto const need : spec.needs) needs.push_back(std::to_string(need));
  text.raw("needs", list_of(needs));
  if (running != nullptr) {
    text.add("progress", running->progress);
  } else {
    text.null("progress");
  }
  if (!history.empty()) text.raw("history", history);
  return text.take();
}

std::string shown_history(std::vector<TaskEnd> const& ends, RunningTask const* running) {
  std::vector<std::string> items;
  std::uint32_t told = 0;
  auto const add_losses = [&](std::vector<std::string> const& losses, std::uint32_t last) {
    auto const first = last > losses.size() ? last - static_cast<std::uint32_t>(losses.size()) : 1;
    for (std::size_t i = 0; i < losses.size(); ++i) {
      auto const attempt = first + static_cast<std::uint32_t>(i);
      if (attempt <= told) continue;
      items.push_back(ObjectText{}.add("attempt", attempt).add("state", "lost").add("text", losses[i]).take());
      told = attempt;
    }
  };
  for (std::size_t i = 0; i < ends.size(); ++i) {
    auto const& end = ends[i];
    if (end.state == TaskState::waiting) continue;
    add_losses(end.losses, end.attempts);
    bool const has_more =
        end.state == TaskState::running && i + 1 < ends.size() && ends[i + 1].attempts == end.attempts;
    bool const is_now = end.state == TaskState::running && running != nullptr && running->attempt == end.attempts;
    if (has_more || is_now || (end.attempts == 0 && end.state != TaskState::cancelled)) continue;
    ObjectText item;
    item.add("attempt", end.attempts);
    item.add("state", end.state == TaskState::running ? "lost" : detail::word_of(end.state));
    if (end.state == TaskState::running) {
      item.add("text", "the server ended, or the group was lost");
    } else if (end.state == TaskState::finished) {
      item.null("text");
    } else {
      item.raw("error", end.value);
    }
    item.raw("group", end.group != 0 ? std::to_string(end.group) : "null").add("hosts", split_hosts(end.hosts));
    item.add_time("started", end.started).add_time("ended", end.ended);
    items.push_back(item.take());
    told = end.attempts;
  }
  if (running != nullptr) {
    ObjectText item;
    item.add("attempt", running->attempt).add("state", "running").null("text").add("group", running->group);
    item.add("hosts", different(running->hosts)).add_time("started", unix_time_of(running->since)).null("ended");
    items.push_back(item.take());
  }
  return list_of(items);
}

std::string shown_record(TaskSpec const& spec, TaskEnd const& end) {
  ObjectText text;
  text.add("index", end.task).raw("input", spec.input.empty() ? "null" : spec.input);
  text.raw(end.state == TaskState::finished ? "result" : "error", end.value);
  return text.add("attempts", end.attempts).add("seconds", rounded(end.seconds)).take();
}

std::string shown_group(GroupView const& group) {
  ObjectText text;
  text.add("group", group.group).add("ranks", group.ranks).add("hosts", group.hosts).add("state", word_of(group.state));
  if (group.state == GroupView::State::running && group.tag != 0) {
    auto const name = name_of_tag(group.tag);
    text.add("job", name.job).add("task", name.task).add("attempt", group.attempt);
    text.add_time("since", unix_time_of(group.since)).add("progress", static_cast<double>(group.progress));
  } else {
    text.null("job").null("task").null("attempt").null("since").null("progress");
  }
  return text.add("tasks", group.tasks).add("taken_over", group.taken_over).take();
}

}  // namespace farm::detail
