#include "spawn/service/client/replies.hpp"

#include "core/text/c_locale.hpp"

#include <farm/service_error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace farm::detail {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void throw_unexpected(std::string const& what, std::string_view text) {
  constexpr std::size_t most = 200;
  throw ServiceError(0, fmt::format("the server's answer has {}: is it of another version? It begins with: {}", what,
                                    text.substr(0, most)));
}

std::string line_of(Json const& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json parsed(std::string_view text) {
  auto json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw_unexpected("no JSON", text);
  return json;
}

/// A JSON object whose members are read one after the other.
class Members {
 public:
  explicit Members(Json const& json) : json_(json) {
    if (!json.is_object()) throw_unexpected("no object", line_of(json));
  }

  /// Returns null if the member is missing or null.
  [[nodiscard]] Json const* find(char const* name) const {
    auto const found = json_.find(name);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  /// Reads the member, unless it is missing or null.
  template <class T>
  void read(char const* name, T& value) const {
    auto const* const found = find(name);
    if (found == nullptr) return;
    try {
      found->get_to(value);
    } catch (Json::exception const&) {
      throw_unexpected(fmt::format("a wrong '{}'", name), line_of(json_));
    }
  }
  template <class T>
  void read(char const* name, std::optional<T>& value) const {
    if (find(name) != nullptr) read(name, value.emplace());
  }
  /// Reads a member that must be there.
  template <class T>
  void require(char const* name, T& value) const {
    if (find(name) == nullptr) throw_unexpected(fmt::format("no '{}'", name), line_of(json_));
    read(name, value);
  }

  /// Reads JSON as it stands.
  void read_json(char const* name, std::string& value) const {
    if (auto const found = json_.find(name); found != json_.end()) value = line_of(*found);
  }
  /// Reads a text, or what else there is as JSON.
  void read_any(char const* name, std::string& value) const {
    if (auto const* const found = find(name); found != nullptr)
      value = found->is_string() ? found->get<std::string>() : line_of(*found);
  }
  void read_state(TaskState& state) const {
    std::string word;
    require("state", word);
    auto const known = state_of(word);
    if (!known) throw_unexpected(fmt::format("an unknown state '{}'", word), line_of(json_));
    state = *known;
  }
  void read_counts(std::array<std::uint64_t, task_states>& counts) const {
    auto const* const found = find("counts");
    if (found == nullptr) return;
    Members const members{*found};
    for (std::size_t i = 0; i < task_states; ++i)
      members.read(std::string{word_of(static_cast<TaskState>(i))}.c_str(), counts[i]);
  }
  /// A list of texts, or one text.
  void read_hosts(std::string& hosts) const {
    auto const* const found = find("hosts");
    if (found == nullptr) return;
    if (found->is_string()) {
      hosts = found->get<std::string>();
      return;
    }
    for (auto const& each : *found) hosts += (hosts.empty() ? "" : ",") + each.get<std::string>();
  }

 private:
  Json const& json_;
};

std::optional<TaskFailure> failure_of(Members const& members, char const* name) {
  auto const* const found = members.find(name);
  if (found == nullptr) return std::nullopt;
  if (found->is_string()) return TaskFailure{.text = found->get<std::string>(), .json = line_of(*found)};
  Members const error{*found};
  TaskFailure failure{.json = line_of(*found)};
  error.read("task", failure.task);
  error.read("type", failure.type);
  error.read("text", failure.text);
  error.read("rank", failure.rank);
  error.read("host", failure.host);
  return failure;
}

JobReply job_of(Json const& json) {
  Members const members{json};
  JobReply job{.json = line_of(json)};
  members.require("job", job.job);
  members.read("name", job.name);
  members.read_state(job.state);
  members.read("function", job.function);
  members.read("command", job.command);
  members.read("ranks", job.ranks);
  members.read("tasks", job.tasks);
  members.read_counts(job.counts);
  members.read("submitted", job.submitted);
  members.read("started", job.started);
  members.read("ended", job.ended);
  members.read("priority", job.priority);
  members.read("after", job.after);
  members.read("seconds_left", job.seconds_left);
  members.read("rate", job.rate);
  members.read("why", job.why);
  job.first_error = failure_of(members, "first_error");
  return job;
}

std::vector<AttemptReply> history_of(Members const& members) {
  std::vector<AttemptReply> history;
  auto const* const found = members.find("history");
  if (found == nullptr) return history;
  for (auto const& each : *found) {
    Members const of_attempt{each};
    auto& attempt = history.emplace_back();
    of_attempt.read("attempt", attempt.attempt);
    of_attempt.read("state", attempt.state);
    of_attempt.read("text", attempt.text);
    if (auto const error = failure_of(of_attempt, "error"); error && attempt.text.empty())
      attempt.text = error->type.empty() ? error->text : fmt::format("{}: {}", error->type, error->text);
    of_attempt.read("group", attempt.group);
    of_attempt.read_hosts(attempt.hosts);
    of_attempt.read("started", attempt.started);
    of_attempt.read("ended", attempt.ended);
  }
  return history;
}

TaskReply task_of(Json const& json) {
  Members const members{json};
  TaskReply task{.json = line_of(json)};
  members.require("job", task.job);
  members.require("task", task.task);
  members.read("name", task.name);
  members.read_state(task.state);
  members.read_json("input", task.input);
  if (task.state == TaskState::finished) members.read_json("result", task.result);
  task.error = failure_of(members, "error");
  members.read("attempts", task.attempts);
  members.read("seconds", task.seconds);
  members.read("started", task.started);
  members.read("ended", task.ended);
  members.read("group", task.group);
  members.read_hosts(task.hosts);
  members.read("peak_memory", task.peak_memory);
  members.read("needs", task.needs);
  members.read("progress", task.progress);
  task.history = history_of(members);
  return task;
}

template <class T, class Read>
Page<T> page_of(std::string_view text, char const* name, Read const& read) {
  CLocale const locale;
  auto const json = parsed(text);
  Members const members{json};
  auto const* const list = members.find(name);
  if (list == nullptr || !list->is_array()) throw_unexpected(fmt::format("no list '{}'", name), text);
  Page<T> page;
  for (auto const& each : *list) page.items.push_back(read(each));
  members.read("next", page.next);
  return page;
}

}  // namespace

JobReply read_job(std::string_view json) {
  CLocale const locale;
  return job_of(parsed(json));
}

Page<JobReply> read_jobs(std::string_view json) { return page_of<JobReply>(json, "jobs", job_of); }

TaskReply read_task(std::string_view json) {
  CLocale const locale;
  return task_of(parsed(json));
}

Page<TaskReply> read_tasks(std::string_view json) { return page_of<TaskReply>(json, "tasks", task_of); }

ResultReply read_result(std::string_view line) {
  CLocale const locale;
  auto const json = parsed(line);
  Members const members{json};
  ResultReply result{.json = std::string{line}};
  members.require("index", result.index);
  members.read_json("input", result.input);
  result.error = failure_of(members, "error");
  if (!result.error) members.read_json("result", result.result);
  if (!result.error && result.result.empty()) throw_unexpected("neither a result nor an error", line);
  members.read("attempts", result.attempts);
  members.read("seconds", result.seconds);
  return result;
}

ServerReply read_server(std::string_view text) {
  CLocale const locale;
  auto const json = parsed(text);
  Members const members{json};
  ServerReply server{.json = line_of(json)};
  members.read("version", server.version);
  members.read("program", server.program);
  members.read("directory", server.directory);
  members.read("host", server.host);
  members.read_any("process", server.process);
  members.read("since", server.since);
  members.read("listen", server.listen);
  members.read_any("source", server.source);
  members.read_any("slots", server.slots);
  members.read("max_ranks", server.max_ranks);
  members.read("state", server.state);
  members.read("problem", server.problem);
  members.read("outlives", server.outlives);
  members.read("jobs", server.jobs);
  members.read("groups", server.groups);
  members.read("resumed", server.resumed);
  members.read_counts(server.counts);
  members.read("rate", server.rate);
  members.read("damage", server.damage);
  return server;
}

std::vector<FunctionReply> read_functions(std::string_view json) {
  auto const read = [](Json const& each) {
    Members const members{each};
    FunctionReply function{.json = line_of(each)};
    members.require("name", function.name);
    members.read("signature", function.signature);
    members.read("result", function.result);
    auto const* const arguments = members.find("arguments");
    for (auto const& parameter : arguments != nullptr ? *arguments : Json::array()) {
      Members const of_parameter{parameter};
      std::string name;
      of_parameter.read("name", name);
      of_parameter.require("type", function.arguments.emplace_back());
      if (!name.empty()) function.names.push_back(name);
    }
    return function;
  };
  return page_of<FunctionReply>(json, "functions", read).items;
}

std::uint64_t read_number_member(std::string_view text, std::string const& name) {
  CLocale const locale;
  auto const json = parsed(text);
  std::uint64_t number = 0;
  Members{json}.require(name.c_str(), number);
  return number;
}

std::pair<std::string, std::string> read_explanation(std::string_view text) {
  CLocale const locale;
  auto const json = parsed(text);
  Members const members{json};
  std::pair<std::string, std::string> explanation;
  members.read("state", explanation.first);
  members.read("why", explanation.second);
  return explanation;
}

}  // namespace farm::detail
