#include "spawn/resources/assigner.hpp"

#include <algorithm>
#include <utility>

namespace farm::detail {

Assigner::Host& Assigner::host_of(RankPlace const& place) {
  auto const found = hosts_.find(place.host);
  if (found != hosts_.end()) return found->second;
  auto const& machine = Topology::of_this_machine();
  auto book = place.is_here ? CoreBook{machine.cores_within(machine.all()), CoreBook::Claims::of_this_host}
                            : CoreBook{place.cores, CoreBook::Claims::none};
  return hosts_.emplace(place.host, Host{.book = std::move(book)}).first->second;
}

Assignment Assigner::bind(GroupRecord& group, Rank& rank) {
  auto& book = host_of(rank.place).book;
  rank.cores = book.take(rank.place.allowed, group.cores_per_rank);
  return {.processors = book.processors_of(rank.cores, rank.place.allowed), .devices = rank.devices};
}

std::vector<Assignment> Assigner::assign(std::uint64_t id, Request const& request, std::vector<RankPlace> places,
                                         Options const& options) {
  auto& group = groups_[id];
  group.cores_per_rank = static_cast<std::size_t>(request.cores_per_rank());
  for (auto& place : places) group.ranks.push_back({.place = std::move(place)});
  std::vector<Assignment> assignments;
  for (std::size_t i = 0; i < group.ranks.size(); ++i) {
    auto& rank = group.ranks[i];
    auto& host = host_of(rank.place);
    auto const known = options.devices.find(rank.place.host);
    int const devices = known != options.devices.end() ? known->second : 0;
    for (int each = 0; each < devices && static_cast<int>(rank.devices.size()) < request.gpus; ++each) {
      if (host.devices_in_use.insert(each).second) rank.devices.push_back(each);
    }
    if (!options.binds) {
      assignments.push_back({.processors = {}, .devices = rank.devices});
      continue;
    }
    assignments.push_back(bind(group, rank));
    if (rank.cores.empty()) host.unbound.insert({id, i});
  }
  return assignments;
}

std::vector<Assigner::Late> Assigner::release(std::uint64_t id) {
  auto const found = groups_.extract(id);
  if (!found) return {};
  std::set<Host*> freed;
  auto const& ranks = found.mapped().ranks;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    auto& host = host_of(ranks[i].place);
    host.book.give_back(ranks[i].cores);
    for (int const each : ranks[i].devices) host.devices_in_use.erase(each);
    host.unbound.erase({id, i});
    if (!ranks[i].cores.empty()) freed.insert(&host);
  }
  std::vector<Late> late;
  for (auto* const host : freed) {
    while (!host->unbound.empty()) {
      auto const [group, rank] = *host->unbound.begin();
      auto& record = groups_.at(group);
      auto assignment = bind(record, record.ranks[rank]);
      if (record.ranks[rank].cores.empty()) break;  // the next one waits for cores, too
      host->unbound.erase(host->unbound.begin());
      late.push_back({.group = group, .rank = rank, .assignment = std::move(assignment)});
    }
  }
  return late;
}

}  // namespace farm::detail
