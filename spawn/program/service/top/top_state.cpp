#include "spawn/program/service/top/top_state.hpp"

#include <farm/service_error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

namespace farm::detail {
namespace {

/// So many jobs are shown that have ended, the latest.
constexpr std::uint64_t most_ended = 50;

using Json = nlohmann::json;

std::string hosts_of(Json const& value) {
  std::set<std::string> hosts;
  for (auto const& host : value) {
    if (host.is_string() && !host.get_ref<std::string const&>().empty()) hosts.insert(host.get<std::string>());
  }
  return fmt::format("{}", fmt::join(hosts, ","));
}

/// Returns the member, or `otherwise` if it is not there or null.
template <class T>
T member(Json const& object, char const* name, T otherwise) {
  auto const found = object.find(name);
  return found == object.end() || found->is_null() ? otherwise : found->get<T>();
}

TopGroup group_of(Json const& object) {
  TopGroup group;
  group.group = object.at("group").get<std::uint64_t>();
  group.ranks = object.at("ranks").get<std::int64_t>();
  if (auto const hosts = object.find("hosts"); hosts != object.end()) group.hosts = hosts_of(*hosts);
  group.state = object.at("state").get<std::string>();
  if (auto const job = object.find("job"); job != object.end() && !job->is_null())
    group.task = TaskName{job->get<std::uint64_t>(), member<std::uint64_t>(object, "task", 0)};
  group.attempt = member<std::uint64_t>(object, "attempt", 0);
  if (auto const since = member(object, "since", 0.0); since > 0) group.since = since;
  group.progress = member(object, "progress", 0.0);
  group.tasks = member<std::uint64_t>(object, "tasks", 0);
  return group;
}

}  // namespace

std::vector<TopGroup> read_groups(std::string_view json) {
  std::vector<TopGroup> groups;
  try {
    auto const answer = Json::parse(json);
    for (auto const& object : answer.at("groups")) groups.push_back(group_of(object));
  } catch (Json::exception const&) {
    throw ServiceError(0, "the server's list of groups is not what was expected: its version may be another one");
  }
  std::sort(groups.begin(), groups.end(), [](auto const& a, auto const& b) { return a.group < b.group; });
  return groups;
}

TopState ask_state(Requests& requests) {
  TopState state;
  state.server = requests.server();
  state.groups_json = requests.connection().get("/api/v1/groups");
  state.groups = read_groups(state.groups_json);
  std::map<std::uint64_t, JobReply> jobs;
  for (auto const which : {TaskState::running, TaskState::waiting, TaskState::blocked, TaskState::held})
    requests.for_each_job(which, [&](JobReply const& job) { jobs.insert_or_assign(job.job, job); });
  auto const first = state.server.jobs > most_ended ? state.server.jobs - most_ended + 1 : 1;
  auto const latest =
      read_jobs(requests.connection().get(fmt::format("/api/v1/jobs?from={}&limit={}", first, 2 * most_ended)));
  for (auto const& job : latest.items) jobs.insert_or_assign(job.job, job);
  for (auto& [number, job] : jobs) state.jobs.push_back(std::move(job));
  state.time = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return state;
}

RankCounts count_ranks(std::vector<TopGroup> const& groups) {
  RankCounts counts;
  for (auto const& group : groups) {
    counts.all += group.ranks;
    if (group.state == "running") counts.busy += group.ranks;
  }
  return counts;
}

}  // namespace farm::detail
