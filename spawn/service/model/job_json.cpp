#include "spawn/service/model/job_json.hpp"

#include "spawn/service/model/json_members.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace farm::detail {
namespace {

using Json = nlohmann::ordered_json;

/// Adds a member unless it has its default.
template <class T>
void put(Json& object, char const* name, T const& value, T const& otherwise = {}) {
  if (value != otherwise) object[name] = value;
}

template <class T>
void put(Json& object, char const* name, std::optional<T> const& value) {
  if (value) object[name] = *value;
}

Json json_of(TaskKind const& kind) {
  auto json = Json::object();
  put(json, "function", kind.function);
  put(json, "command", kind.command);
  put(json, "columns", kind.columns);
  put(json, "task_directory", kind.task_directory);
  put(json, "stdin_file", kind.stdin_file);
  put(json, "stdout_file", kind.stdout_file);
  put(json, "stderr_file", kind.stderr_file);
  put(json, "mpi", kind.mpi, true);
  put(json, "ranks", kind.ranks);
  put(json, "threads", kind.threads);
  put(json, "gpus", kind.gpus);
  put(json, "memory", kind.memory);
  put(json, "resources", kind.resources);
  put(json, "timeout", kind.timeout);
  put(json, "retries", kind.retries);
  put(json, "max_losses", kind.max_losses);
  put(json, "cache", kind.cache);
  put(json, "environment", kind.environment);
  put(json, "directory", kind.directory);
  return json;
}

Json json_of(JobSpec const& spec) {
  auto json = Json::object();
  put(json, "name", spec.name);
  put(json, "priority", spec.priority);
  put(json, "hold", spec.hold);
  put(json, "max_fails", spec.max_fails);
  put(json, "after", spec.after);
  put(json, "key", spec.key);
  json["kinds"] = Json::array();
  for (auto const& kind : spec.kinds) json["kinds"].push_back(json_of(kind));
  return json;
}

/// Returns the JSON in one line, or throws UsageError if a text of it is not UTF-8.
std::string line_of(Json const& json) {
  try {
    return json.dump();
  } catch (Json::type_error const&) {
    throw UsageError(fmt::format("a text of the job is not UTF-8, so it cannot be sent: {}",
                                 json.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
}

void check(TaskKind const& kind, std::string const& place) {
  if (kind.function.empty() == kind.command.empty())
    throw UsageError(fmt::format("'{}' must have either a 'function' or a 'command'", place));
  if (!kind.command.empty() && kind.command.front().empty())
    throw UsageError(fmt::format("'{}.command' must begin with the name of a program", place));
  if (kind.cache && kind.function.empty())
    throw UsageError(fmt::format("'{}.cache' is for functions: nobody knows what the result of a program is", place));
  std::set<std::string> known;
  for (auto const& column : kind.columns) {
    if (!known.insert(column).second)
      throw UsageError(fmt::format("'{}.columns' has '{}' more than once", place, column));
  }
  for (auto const& [name, value] : kind.environment) {
    if (name.empty() || name.find('=') != std::string::npos)
      throw UsageError(fmt::format("'{}.environment' has '{}', which cannot be the name of a variable", place, name));
  }
}

TaskKind kind_from(JsonMember const& member) {
  TaskKind kind;
  constexpr double longest = 1e9;  // seconds, which nanoseconds can count
  member.read_object({
      {"function", [&](auto const& m) { kind.function = m.text(); }},
      {"command", [&](auto const& m) { kind.command = m.texts(); }},
      {"columns", [&](auto const& m) { kind.columns = m.texts(); }},
      {"task_directory", [&](auto const& m) { kind.task_directory = m.text(); }},
      {"stdin_file", [&](auto const& m) { kind.stdin_file = m.text(); }},
      {"stdout_file", [&](auto const& m) { kind.stdout_file = m.text(); }},
      {"stderr_file", [&](auto const& m) { kind.stderr_file = m.text(); }},
      {"mpi", [&](auto const& m) { kind.mpi = m.boolean(); }},
      {"ranks", [&](auto const& m) { kind.ranks = m.template whole<int>(0); }},
      {"threads", [&](auto const& m) { kind.threads = m.template whole<int>(0); }},
      {"gpus", [&](auto const& m) { kind.gpus = m.template whole<int>(0); }},
      {"memory", [&](auto const& m) { kind.memory = m.template whole<std::int64_t>(0); }},
      {"resources", [&](auto const& m) { kind.resources = m.amounts(); }},
      {"timeout", [&](auto const& m) { kind.timeout = m.positive(longest); }},
      {"retries", [&](auto const& m) { kind.retries = m.template whole<int>(0); }},
      {"max_losses", [&](auto const& m) { kind.max_losses = m.template whole<int>(0); }},
      {"cache", [&](auto const& m) { kind.cache = m.boolean(); }},
      {"environment", [&](auto const& m) { kind.environment = m.variables(); }},
      {"directory", [&](auto const& m) { kind.directory = m.text(); }},
  });
  check(kind, member.place());
  return kind;
}

/// Returns what stands in `line`, which is valid JSON, from `begin` up to the end of one value.
std::string_view value_at(std::string_view line, std::size_t begin) {
  std::size_t depth = 0;
  bool in_text = false;
  for (auto end = begin; end < line.size(); ++end) {
    auto const c = line[end];
    if (in_text) {
      if (c == '\\') ++end;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == ']' || c == '}' || c == ':')) {
      return line.substr(begin, end - begin);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return line.substr(begin);
}

std::string one_line(std::string_view json) {
  constexpr auto blank = " \t\r\n";
  auto const first = json.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  std::string line{json.substr(first, json.find_last_not_of(blank) - first + 1)};
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

/// Returns the member as it is written, since a parsed number may have lost digits. `line` is a valid JSON object.
std::string raw_member(std::string_view line, std::string_view name) {
  auto at = line.find('{') + 1;
  while (at < line.size()) {
    auto const key = value_at(line, at);
    auto const value = value_at(line, at + key.size() + 1);
    if (Json::parse(key).get<std::string>() == name) return one_line(value);
    at += key.size() + value.size() + 2;
  }
  return {};
}

}  // namespace

std::string spec_to_json(JobSpec const& spec) { return line_of(json_of(spec)); }

JobSpec spec_from_json(std::string_view text) {
  auto const json = parse_json(text);
  JobSpec spec;
  JsonMember{json, "spec"}.read_object({
      {"name", [&](auto const& m) { spec.name = m.text(); }},
      {"priority", [&](auto const& m) { spec.priority = m.template whole<int>(); }},
      {"hold", [&](auto const& m) { spec.hold = m.boolean(); }},
      {"max_fails", [&](auto const& m) { spec.max_fails = m.template whole<std::int64_t>(0); }},
      {"after", [&](auto const& m) { spec.after = m.template wholes<std::uint64_t>(1); }},
      {"key", [&](auto const& m) { spec.key = m.text(); }},
      {"kinds", [&](auto const& m) { m.each([&](auto const& kind) { spec.kinds.push_back(kind_from(kind)); }); }},
  });
  if (spec.kinds.empty()) throw UsageError("'kinds' of the job must have at least one kind of tasks");
  return spec;
}

std::string listed_task_to_json(TaskSpec const& task) {
  auto rest = Json::object();
  put(rest, "kind", task.kind);
  put(rest, "needs", task.needs);
  put(rest, "name", task.name);
  auto const line = line_of(rest);
  return fmt::format(R"({{"input":{}{}{})", task.input.empty() ? "null" : one_line(task.input), rest.empty() ? "" : ",",
                     line.substr(1));
}

TaskSpec listed_task_from_json(std::string_view line) {
  auto const json = parse_json(line);
  TaskSpec task;
  JsonMember{json, "task"}.read_object({
      {"input", [](auto const&) {}},
      {"kind", [&](auto const& m) { task.kind = m.template whole<std::uint32_t>(0); }},
      {"needs", [&](auto const& m) { task.needs = m.template wholes<std::uint32_t>(0); }},
      {"name", [&](auto const& m) { task.name = m.text(); }},
  });
  task.input = json.contains("input") ? raw_member(line, "input") : "null";
  return task;
}

}  // namespace farm::detail
