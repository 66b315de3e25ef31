#include "spawn/service/protocol/submission.hpp"

#include "spawn/service/model/job_json.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace farm::detail {
namespace {

/// A job of 4 thousand million tasks would not have its numbers fit in tags.
constexpr std::uint64_t most_tasks = 0xffffffff;
/// Room is made for so many tasks at first, whatever the first line tells.
constexpr std::uint64_t most_reserved = 1'000'000;

std::string_view take_line(std::string_view& rest) {
  auto const end = rest.find('\n');
  auto line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

struct Head {
  JobSpec spec{};
  std::uint64_t tasks = 0;
  bool listed = false;
};

Head read_head(std::string_view line) {
  auto const json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) throw UsageError("line 1 is not a JSON object with spec and tasks");
  for (auto const& [name, value] : json.items()) {
    if (name != "spec" && name != "tasks" && name != "listed")
      throw UsageError(
          fmt::format("line 1: there is no member '{}'; known are spec, tasks, listed", name.substr(0, 40)));
  }
  auto const spec = json.find("spec");
  auto const tasks = json.find("tasks");
  if (spec == json.end() || !spec->is_object()) throw UsageError("line 1: spec is missing, or is not an object");
  if (tasks == json.end() || !tasks->is_number_unsigned() || tasks->get<std::uint64_t>() > most_tasks)
    throw UsageError(fmt::format("line 1: tasks is missing, or is not a number from 1 to {}", most_tasks));
  auto const listed = json.find("listed");
  if (listed != json.end() && !listed->is_boolean()) throw UsageError("line 1: listed is neither true nor false");
  return {spec_from_json(spec->dump()), tasks->get<std::uint64_t>(), listed != json.end() && listed->get<bool>()};
}

}  // namespace

Submission read_submission(std::string_view body) {
  auto const head = read_head(take_line(body));
  Submission submission{.spec = head.spec};
  submission.tasks.reserve(std::min(head.tasks, most_reserved));
  std::size_t number = 1;
  while (!body.empty()) {
    auto const line = take_line(body);
    ++number;
    if (submission.tasks.size() == head.tasks) {
      if (line.empty() && body.empty()) break;
      throw UsageError(
          fmt::format("the first line tells of {} tasks, but there is a further line, {}", head.tasks, number));
    }
    if (head.listed) {
      try {
        submission.tasks.push_back(listed_task_from_json(line));
      } catch (UsageError const& error) {
        throw UsageError(fmt::format("line {}: {}", number, error.what()));
      }
    } else {
      if (!nlohmann::json::accept(line)) throw UsageError(fmt::format("line {} is not JSON", number));
      submission.tasks.push_back({.input = std::string{line}});
    }
  }
  if (submission.tasks.size() != head.tasks) {
    throw UsageError(fmt::format("the first line tells of {} tasks, but {} came: nothing was submitted", head.tasks,
                                 submission.tasks.size()));
  }
  return submission;
}

}  // namespace farm::detail
