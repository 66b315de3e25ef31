#include "spawn/program/report/report_json.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace farm::detail {
namespace {

using Json = nlohmann::ordered_json;
using Statistics = TraceStatistics;

constexpr double second = 1e6;

Json functions(Statistics const& statistics) {
  auto list = Json::array();
  for (auto const& function : statistics.functions) {
    list.push_back({{"name", function.name},
                    {"tasks", function.tasks},
                    {"failed", function.failed},
                    {"cancelled", function.cancelled},
                    {"median_seconds", function.median / second},
                    {"longest_seconds", function.longest / second},
                    {"rank_seconds", function.rank_time / second}});
  }
  return list;
}

Json slowest(Statistics const& statistics) {
  auto list = Json::array();
  for (auto const& task : statistics.slowest) {
    list.push_back({{"function", task.function},
                    {"name", task.name},
                    {"task", task.task},
                    {"group", task.group},
                    {"host", task.host},
                    {"seconds", task.time / second},
                    {"outcome", name_of(task.outcome)}});
  }
  return list;
}

Json phases(Statistics const& statistics) {
  auto list = Json::array();
  for (auto const& phase : statistics.phases) {
    list.push_back({{"phase", phase.name},
                    {"median_seconds", phase.median / second},
                    {"seconds_of_90_percent", phase.in_90_percent / second},
                    {"seconds_of_99_percent", phase.in_99_percent / second},
                    {"longest_seconds", phase.longest / second}});
  }
  return list;
}

/// Adds the times of ranks to an object that says which ranks they are.
Json with_times(Json object, Statistics::Ranks const& ranks) {
  object["tasks"] = ranks.tasks;
  object["rank_seconds"] = ranks.all() / second;
  object["rank_seconds_in_tasks"] = ranks.in_tasks / second;
  object["rank_seconds_in_lost_tasks"] = ranks.in_lost_tasks / second;
  object["rank_seconds_starting"] = ranks.starting / second;
  object["busy_percent"] = ranks.busy_percent();
  return object;
}

Json timeline(Statistics const& statistics) {
  auto lanes = Json::array();
  for (auto const& lane : statistics.timeline)
    lanes.push_back({{"name", lane.name}, {"busy", lane.busy}, {"starting", lane.starting}, {"ranks", lane.present}});
  return {{"seconds_per_column", statistics.column_width / second}, {"lanes", std::move(lanes)}};
}

}  // namespace

std::string report_json(Statistics const& statistics) {
  Json report{{"is_complete", statistics.is_complete}, {"tasks", statistics.submitted},
              {"tasks_done", statistics.done},         {"outcomes", Json::object()},
              {"seconds", statistics.span / second},   {"functions", functions(statistics)},
              {"slowest", slowest(statistics)},        {"times", phases(statistics)}};
  for (auto const& [outcome, count] : statistics.outcomes) report["outcomes"][std::string{name_of(outcome)}] = count;
  for (auto const* const name : {"hosts", "groups", "ranks", "arrays"}) report[name] = Json::array();
  for (auto const& host : statistics.hosts)
    report["hosts"].push_back(with_times({{"host", host.host}, {"ranks", host.ranks}}, host));
  for (auto const& group : statistics.groups) {
    report["groups"].push_back(
        with_times({{"group", group.group}, {"host", group.host}, {"ranks", group.ranks}}, group));
  }
  for (auto const& rank : statistics.ranks)
    report["ranks"].push_back(with_times({{"group", rank.group}, {"rank", rank.rank}, {"host", rank.host}}, rank));
  report["all_ranks"] = with_times({{"ranks", statistics.all_ranks.ranks}}, statistics.all_ranks);
  auto const& starts = statistics.start_times;
  report["groups_started"] = starts.size();
  report["median_start_seconds"] = starts.empty() ? Json{} : Json(quantile(starts, 0.5) / second);
  report["longest_start_seconds"] = starts.empty() ? Json{} : Json(starts.back() / second);
  report["failed_starts"] = statistics.failed_starts;
  report["groups_lost"] = statistics.groups_lost;
  report["further_attempts"] = statistics.further_attempts;
  for (auto const& [name, each] : statistics.staging) {
    report["arrays"].push_back(
        {{"what", name}, {"times", each.count}, {"bytes", each.bytes}, {"seconds", each.time / second}});
  }
  report["timeline"] = timeline(statistics);
  return report.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace farm::detail
