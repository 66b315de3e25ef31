#include "spawn/program/report/trace_summary.hpp"

#include "core/text/c_locale.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace farm::detail {

using Json = nlohmann::json;

void TraceSummary::add(Json const& event) {
  auto const phase = event.at("ph").get<std::string>();
  if (phase == "M") return;
  auto const kind = event.value("cat", "");
  auto const& arguments = event.contains("args") ? event.at("args") : Json{};
  double const begin = event.at("ts").get<double>();
  double const end = begin + event.value("dur", 0.0);
  std::pair const rank{event.at("pid").get<std::uint64_t>(), event.at("tid").get<int>()};
  if (kind == "task") return add_task(ranks[rank], arguments, begin, end);
  if (kind == "group") return add_group(rank, event, begin, end);
  if (kind == "loss") ++losses;
  if (kind == "retry") ++retries;
  if (kind != "stage") return;
  auto& stage = staging[event.at("name").get<std::string>()];
  ++stage.count;
  stage.time += end - begin;
  stage.bytes += arguments.at("bytes").get<double>();
}

void TraceSummary::add_task(Rank& rank, Json const& arguments, double begin, double end) {
  auto const outcome = arguments.at("outcome").get<std::string>();
  bool const done = outcome == "value" || outcome == "error";
  (done ? rank.in_tasks : rank.in_lost_tasks) += end - begin;
  rank.last = std::max(rank.last, end);
  auto& task = tasks[{arguments.at("pool").get<int>(), arguments.at("task").get<std::uint64_t>()}];
  int const attempt = arguments.at("attempt").get<int>();
  if (attempt < task.attempt) return;
  if (attempt > task.attempt) task = {.attempt = attempt};
  task.queued = arguments.at("queued").get<double>();
  task.sent = arguments.at("sent").get<double>();
  task.started = std::min(task.started, arguments.at("started").get<double>());
  task.ended = std::max(task.ended, arguments.at("ended").get<double>());
  task.received = std::max(task.received, arguments.at("received").get<double>());
  if (task.outcome.empty() || task.outcome == "value") task.outcome = outcome;
}

void TraceSummary::add_group(std::pair<std::uint64_t, int> rank, Json const& event, double begin, double end) {
  auto const name = event.at("name").get<std::string>();
  if (name == "birth") {
    ranks[rank] = {.ready = end, .starting = end - begin, .last = end};
    if (rank.second == 0) start_times.push_back(end - begin);
    auto const& arguments = event.contains("args") ? event.at("args") : Json{};
    ++ranks_on[arguments.value("host", "unknown hosts")];
  } else if (name == "gone") {
    for (auto& [key, each] : ranks) {
      if (key.first == rank.first) each.last = std::max(each.last, begin);
    }
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
  for (std::uint64_t number = 2; std::getline(file, line) && line != "]"; ++number) {
    if (line.ends_with(',')) line.pop_back();
    try {
      summary.add(Json::parse(line));
    } catch (Json::exception const&) {
      if (file.peek() == std::ifstream::traits_type::eof()) break;  // the master was killed while it wrote this line
      throw std::runtime_error(fmt::format("{} is not a trace of the farm: see line {}", path, number));
    }
  }
  if (file.bad()) throw std::runtime_error(fmt::format("{} cannot be read to its end", path));
  return summary;
}

}  // namespace farm::detail
