#include "spawn/program/report/trace_summary.hpp"

#include "core/text/c_locale.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace farm::detail {

using Json = nlohmann::json;

namespace {

/// In the order of TracedOutcome.
constexpr std::array<std::string_view, 9> outcome_names{"none", "value",   "error",  "timeout", "cancelled",
                                                        "lost", "not run", "failed", "ended"};

TracedOutcome outcome_named(std::string_view name) {
  auto const found = std::find(outcome_names.begin(), outcome_names.end(), name);
  return found == outcome_names.end() ? TracedOutcome::ended
                                      : static_cast<TracedOutcome>(found - outcome_names.begin());
}

/// Removes the marks of the C++ library's ABI that compilers append to names.
std::string plain_name(std::string name) {
  constexpr std::string_view mark = "[abi:cxx11]";
  for (auto found = name.find(mark); found != std::string::npos; found = name.find(mark))
    name.erase(found, mark.size());
  return name;
}

}  // namespace

std::string_view name_of(TracedOutcome outcome) { return outcome_names.at(static_cast<std::size_t>(outcome)); }

TracedOutcome TraceSummary::outcome_of(Task const& task) const {
  if (task.end != TracedOutcome::none) return task.end;
  auto const size = group_sizes.find(task.group);
  bool const has_all_answers = size == group_sizes.end() || task.answers >= size->second;
  return task.outcome == TracedOutcome::value && !has_all_answers ? TracedOutcome::none : task.outcome;
}

std::size_t TraceSummary::function(std::string const& name) {
  auto const [entry, is_new] = function_index_.try_emplace(name, functions.size());
  if (is_new) functions.push_back(plain_name(name));
  return entry->second;
}

void TraceSummary::add(Json const& event) {
  auto const& phase = event.at("ph").get_ref<std::string const&>();
  if (phase == "M") return;
  auto const category = event.find("cat");
  if (category == event.end()) return;
  auto const& kind = category->get_ref<std::string const&>();
  if (kind == "count") {
    submitted = std::max(submitted, event.at("args").at("submitted").get<std::uint64_t>());
    return;
  }
  if (kind == "end") return add_end(event);
  double const begin = event.at("ts").get<double>();
  double const end = begin + event.value("dur", 0.0);
  std::pair const rank{event.at("pid").get<std::uint64_t>(), event.at("tid").get<int>()};
  if (kind == "task") return add_task(rank, event, begin, end);
  if (kind == "group") return add_group(rank, event, begin, end);
  if (kind == "loss") ++losses;
  if (kind == "retry") ++retries;
  if (kind != "stage") return;
  auto& stage = staging[event.at("name").get<std::string>()];
  ++stage.count;
  stage.time += end - begin;
  stage.bytes += event.at("args").at("bytes").get<double>();
}

void TraceSummary::add_task(std::pair<std::uint64_t, int> key, Json const& event, double begin, double end) {
  auto& rank = ranks[key];
  auto const& arguments = event.at("args");
  auto const outcome = outcome_named(arguments.at("outcome").get_ref<std::string const&>());
  bool const done = outcome == TracedOutcome::value || outcome == TracedOutcome::error;
  (done ? rank.in_tasks : rank.in_lost_tasks) += end - begin;
  rank.last = std::max(rank.last, end);
  ++rank.tasks;
  busy_on[rank.host].add(begin, end);
  if (ranks.size() <= most_profiles) rank.busy.add(begin, end);
  auto& task = tasks[{arguments.at("pool").get<int>(), arguments.at("task").get<std::uint64_t>()}];
  task.rank_time += end - begin;
  int const attempt = arguments.at("attempt").get<int>();
  if (attempt < task.attempt) return;
  if (attempt > task.attempt) {
    task.attempt = attempt;
    task.answers = 0;
    task.outcome = TracedOutcome::none;
    task.started = std::numeric_limits<double>::max();
    task.ended = task.received = 0;
    task.group = key.first;
    task.function = function(event.at("name").get_ref<std::string const&>());
    task.name = arguments.value("name", std::string{});
  }
  ++task.answers;
  task.queued = arguments.at("queued").get<double>();
  task.sent = arguments.at("sent").get<double>();
  task.started = std::min(task.started, arguments.at("started").get<double>());
  task.ended = std::max(task.ended, arguments.at("ended").get<double>());
  task.received = std::max(task.received, arguments.at("received").get<double>());
  if (task.outcome == TracedOutcome::none || task.outcome == TracedOutcome::value) task.outcome = outcome;
}

void TraceSummary::add_end(Json const& event) {
  auto const& arguments = event.at("args");
  auto& task = tasks[{arguments.at("pool").get<int>(), arguments.at("task").get<std::uint64_t>()}];
  task.end = outcome_named(arguments.at("outcome").get_ref<std::string const&>());
  if (task.attempt != 0) return;
  task.function = function(event.at("name").get_ref<std::string const&>());
  task.name = arguments.value("name", std::string{});
  task.queued = arguments.at("queued").get<double>();
  task.received = event.at("ts").get<double>();
}

void TraceSummary::add_group(std::pair<std::uint64_t, int> key, Json const& event, double begin, double end) {
  auto const& name = event.at("name").get_ref<std::string const&>();
  if (name == "birth") {
    auto& rank = ranks[key];
    rank = {.ready = end, .starting = end - begin, .last = end};
    if (key.second == 0) start_times.push_back(end - begin);
    if (auto const arguments = event.find("args"); arguments != event.end())
      rank.host = arguments->value("host", rank.host);
    ++group_sizes[key.first];
  } else if (name == "gone") {
    auto const behind = ranks.upper_bound({key.first, std::numeric_limits<int>::max()});
    for (auto each = ranks.lower_bound({key.first, 0}); each != behind; ++each)
      each->second.last = std::max(each->second.last, begin);
  } else if (name == "failed birth") {
    ++failed_starts;
  }
}

TraceSummary read_trace(std::string const& path) {
  std::ifstream file{path};
  if (!file) throw std::runtime_error(fmt::format("{} cannot be read: {}", path, std::strerror(errno)));  // NOLINT
  std::string line;
  if (!std::getline(file, line) || line != "[") {
    throw std::runtime_error(fmt::format("{} is not a trace of the farm: its first line is not [", path));
  }
  TraceSummary summary;
  CLocale const locale;  // the JSON library reads numbers by strtod()
  for (std::uint64_t number = 2; std::getline(file, line); ++number) {
    if (line == "]") {
      summary.is_complete = true;
      break;
    }
    if (line.ends_with(',')) line.pop_back();
    try {
      summary.add(Json::parse(line));
    } catch (Json::exception const&) {
      if (file.peek() == std::ifstream::traits_type::eof()) break;  // the master was killed while it wrote this line
      throw std::runtime_error(fmt::format("{} is not a trace of the farm: see line {}", path, number));
    }
  }
  if (file.bad()) throw std::runtime_error(fmt::format("{} cannot be read to its end", path));
  summary.submitted = std::max<std::uint64_t>(summary.submitted, summary.tasks.size());
  return summary;
}

}  // namespace farm::detail
