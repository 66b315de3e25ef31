#include "spawn/requests/task_request.hpp"

#include "core/base/settings.hpp"
#include "core/resources/budget.hpp"
#include "core/resources/memory_text.hpp"
#include "core/text/nearest_word.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>

namespace farm::detail {
namespace {

constexpr std::int64_t most_memory = std::int64_t{1} << 50U;  // sums over all ranks have fewer than 63 bits

void check_range(std::string_view name, std::int64_t value, std::int64_t most) {
  if (value < 0) throw UsageError(fmt::format("a task's {} must not be below 0, but is {}", name, value));
  if (value > most) throw UsageError(fmt::format("a task's {} is {}, which is too large", name, value));
}

/// Returns "node1 has 4, node2 has 8"; hosts with equal amounts beyond the third are counted.
std::string list_of(std::vector<HostResources> const& hosts,
                    std::function<std::string(Capacity const&)> const& amount) {
  constexpr std::size_t most_listed = 4;
  std::string text;
  for (std::size_t i = 0; i < hosts.size() && i < most_listed; ++i)
    text += fmt::format("{}{} has {}", i == 0 ? "" : ", ", hosts[i].name, amount(hosts[i].capacity));
  if (hosts.size() > most_listed) text += fmt::format(", and {} more hosts", hosts.size() - most_listed);
  return text;
}

/// Throws unless `is_enough` holds for a host.
void check_hosts(std::vector<HostResources> const& hosts, std::string const& what,
                 std::function<bool(Capacity const&)> const& is_enough,
                 std::function<std::string(Capacity const&)> const& amount, std::string const& advice) {
  bool const any =
      std::any_of(hosts.begin(), hosts.end(), [&](HostResources const& host) { return is_enough(host.capacity); });
  if (any || hosts.empty()) return;
  throw UsageError(fmt::format("a rank needs {}, but {}; {}", what, list_of(hosts, amount), advice));
}

void check_named(Request const& request, std::vector<NamedAmount> const& named) {
  for (auto const& needed : request.named) {
    auto const& name = needed.name;
    auto const amount = needed.amount;
    auto const found =
        std::find_if(named.begin(), named.end(), [&](NamedAmount const& each) { return each.name == name; });
    if (found == named.end()) {
      std::vector<std::string> names;
      names.reserve(named.size());
      for (auto const& each : named) names.push_back(each.name);
      auto const meant = nearest_word(name, names);
      throw UsageError(fmt::format("a task needs {}={}, but there is no such resource{}", name, amount,
                                   meant.empty()
                                       ? fmt::format(": say how many there are, as FARM_RESOURCES={}={}", name, amount)
                                       : fmt::format(": did you mean {}?", meant)));
    }
    if (found->amount < amount)
      throw UsageError(fmt::format("a task needs {}={}, but there are {} ({})", name, amount, found->amount,
                                   setting_name(Setting::resources)));
  }
}

}  // namespace

Request request_of(TaskOptions const& task, int ranks, WorkerOptions const& pool) {
  constexpr auto most = std::numeric_limits<std::int32_t>::max();
  Request request{.ranks = ranks};
  check_range("threads", task.threads, most);
  check_range("threads", pool.threads, most);
  request.threads = task.threads > 0 ? task.threads : pool.threads;
  request.gpus = task.gpus.value_or(pool.gpus);
  check_range("gpus", request.gpus, most);
  request.memory = task.memory.value_or(pool.memory);
  check_range("memory", request.memory, most_memory);
  if (task.resources.empty() && pool.resources.empty()) return request;
  auto named = pool.resources;
  for (auto const& [name, amount] : task.resources) named[name] = amount;
  for (auto const& [name, amount] : named) {
    check_resource_name(name, "resources");
    check_range(name, amount, most_memory);
    if (amount > 0) request.named.push_back({name, amount});
  }
  return request;
}

void check_request(Request const& request, std::vector<HostResources> const& hosts,
                   std::vector<NamedAmount> const& named) {
  if (request.is_plain()) return;
  auto const setting = setting_name(Setting::resources);
  Request one = without_named(request);
  one.ranks = 1;
  if (one.threads > 0) {
    check_hosts(
        hosts, fmt::format("{} cores for its threads", one.threads),
        [&](Capacity const& each) { return !each.cores || *each.cores >= one.threads; },
        [](Capacity const& each) {
          return fmt::format("{} core{}", each.cores.value_or(0), each.cores == 1 ? "" : "s");
        },
        "ask for fewer threads");
  }
  if (one.gpus > 0) {
    check_hosts(
        hosts, fmt::format("{} gpu{}", one.gpus, one.gpus == 1 ? "" : "s"),
        [&](Capacity const& each) { return each.gpus >= one.gpus; },
        [](Capacity const& each) { return fmt::format("{}", each.gpus); },
        fmt::format("tell what the hosts have with {}, as gpus=4", setting));
  }
  if (one.memory > 0) {
    check_hosts(
        hosts, memory_text(one.memory) + " of memory",
        [&](Capacity const& each) { return !each.memory || *each.memory >= one.memory; },
        [](Capacity const& each) { return memory_text(each.memory.value_or(0)); }, "ask for less memory");
  }
  check_named(request, named);
  // Together, a rank may lack what it has alone on each host.
  std::int64_t room = 0;
  for (auto const& host : hosts) {
    Request part = one;
    Budget const budget{request.ranks, host.capacity};
    part.ranks = request.ranks;
    while (part.ranks > 0 && !budget.fits(part, {})) --part.ranks;
    room += part.ranks;
  }
  if (room < request.ranks && !hosts.empty()) {
    throw UsageError(fmt::format("a task needs {}, but there is room for {} such rank{} on {}", to_text(request), room,
                                 room == 1 ? "" : "s",
                                 hosts.size() == 1 ? hosts.front().name : fmt::format("{} hosts", hosts.size())));
  }
}

}  // namespace farm::detail
