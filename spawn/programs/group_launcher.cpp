#include "spawn/programs/group_launcher.hpp"

#include "core/base/host_name.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/launch/slurm_step.hpp"
#include "spawn/platform/throw_on_error.hpp"
#include "spawn/resources/devices.hpp"

#include <farm/error.hpp>
#include <farm/mpi_error.hpp>

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

/// What a rank tells the others of its group.
struct RankPlace {
  std::array<char, 256> host{};
  std::array<std::array<char, 256>, device_variable_names.size()> devices{};
  cpu_set_t cores{};
};

/// Keeps as much of the text as fits before a null character.
void keep(std::string const& text, std::array<char, 256>& in) {
  std::memcpy(in.data(), text.data(), std::min(text.size(), in.size() - 1));
}

/// Adds the entries of a list that `all` does not have.
void add_entries(std::string& all, std::string_view list) {
  while (!list.empty()) {
    auto const entry = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), entry.size() + 1));
    if (("," + all + ",").find(fmt::format(",{},", entry)) == std::string::npos)
      all += fmt::format("{}{}", all.empty() ? "" : ",", entry);
  }
}

/// Returns the ranks of the group, numbered as in MPI_COMM_WORLD: what tells groups of one process apart.
std::vector<int> ranks_in_world(Comm const& comm) {
  MPI_Group group = MPI_GROUP_NULL;
  MPI_Group world = MPI_GROUP_NULL;
  check_mpi(MPI_Comm_group(CommAccess::native(comm), &group), "MPI_Comm_group");
  check_mpi(MPI_Comm_group(MPI_COMM_WORLD, &world), "MPI_Comm_group");
  std::vector<int> own(static_cast<std::size_t>(comm.size()));
  std::vector<int> in_world(own.size());
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<int>(i);
  check_mpi(MPI_Group_translate_ranks(group, comm.size(), own.data(), world, in_world.data()),
            "MPI_Group_translate_ranks");
  MPI_Group_free(&group);
  MPI_Group_free(&world);
  return in_world;
}

GroupPlace find_place(Comm const& comm) {
  RankPlace own;
  keep(host_name(), own.host);
  for (std::size_t i = 0; i < own.devices.size(); ++i) {
    if (char const* const list = getenv(device_variable_names[i])) keep(list, own.devices[i]);
  }
  sched_getaffinity(0, sizeof own.cores, &own.cores);
  std::vector<RankPlace> all(static_cast<std::size_t>(comm.size()));
  check_mpi(MPI_Allgather(&own, sizeof own, MPI_BYTE, all.data(), sizeof own, MPI_BYTE, CommAccess::native(comm)),
            "MPI_Allgather");
  GroupPlace place;
  for (auto const& each : all) {
    std::string const host{each.host.data()};
    if (!place.placement.empty() && place.placement.back().host == host) {
      ++place.placement.back().ranks;
    } else {
      place.placement.push_back({.host = host, .ranks = 1});
    }
    if (host != all.front().host.data()) continue;
    CPU_OR(&place.cores, &place.cores, &each.cores);
    for (std::size_t i = 0; i < each.devices.size(); ++i) {
      std::string_view const list{each.devices[i].data()};
      if (!list.empty()) add_entries(place.devices[device_variable_names[i]], list);
    }
  }
  return place;
}

}  // namespace

GroupPlace const& place_of(Comm const& comm) {
  static std::map<std::vector<int>, GroupPlace> known;  // all ranks of a group have found it at the same task
  auto ranks = ranks_in_world(comm);
  auto const found = known.find(ranks);
  if (found != known.end()) return found->second;
  return known.emplace(std::move(ranks), find_place(comm)).first->second;
}

std::vector<std::string> launch_on_group(std::string const& launcher, GroupPlace const& place,
                                         std::vector<std::string> const& command,
                                         std::vector<std::string> const& exports) {
  LaunchCommand const launch{launcher};
  if (std::find(command.begin(), command.end(), ":") != command.end()) {
    throw UsageError(
        "an argument of the program is a colon alone, which launchers take for the start of another program");
  }
  LaunchCommand::Filling filling{.placement = place.placement, .exports = exports, .program = command};
  filling.ranks = 0;
  for (auto const& share : place.placement) filling.ranks += share.ranks;
  if (launch.shares_slurm_job()) {
    // the group's own step holds the cores: the program's step shares them
    filling.resources = {"--overlap", "--cpu-bind=none"};
    for (auto& option : host_options(place.placement)) filling.resources.push_back(std::move(option));
  }
  return launch.fill(filling);
}

}  // namespace farm::detail
