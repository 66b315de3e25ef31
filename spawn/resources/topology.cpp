#include "spawn/resources/topology.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hwloc.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace farm::detail {

Topology::Topology(char const* description) {
  hwloc_topology_t made = nullptr;
  if (hwloc_topology_init(&made) != 0) throw std::invalid_argument("hwloc finds no memory");
  topology_ = {made, &hwloc_topology_destroy};
  for (auto const type : {HWLOC_OBJ_MISC, HWLOC_OBJ_GROUP})
    hwloc_topology_set_type_filter(made, type, HWLOC_TYPE_FILTER_KEEP_NONE);
  hwloc_topology_set_io_types_filter(made, HWLOC_TYPE_FILTER_KEEP_NONE);
  hwloc_topology_set_cache_types_filter(made, HWLOC_TYPE_FILTER_KEEP_NONE);
  if (description != nullptr && hwloc_topology_set_synthetic(made, description) != 0)
    throw std::invalid_argument(fmt::format("hwloc does not understand \"{}\"", description));
  if (hwloc_topology_load(made) != 0) throw std::invalid_argument("hwloc does not find out what this machine has");
}

Topology const& Topology::of_this_machine() {
  static Topology const found{nullptr};
  return found;
}

Topology Topology::made_up(std::string const& description) { return Topology{description.c_str()}; }

Cores Topology::cores_within(Processors const& allowed) const {
  Cores cores;
  Processors left = allowed;
  auto* const topology = topology_.get();
  int const depth = hwloc_get_type_or_below_depth(topology, HWLOC_OBJ_CORE);
  for (auto* core = hwloc_get_obj_by_depth(topology, depth, 0); core != nullptr; core = core->next_cousin) {
    Processors own;
    std::copy_if(left.begin(), left.end(), std::back_inserter(own),
                 [&](int each) { return hwloc_bitmap_isset(core->cpuset, static_cast<unsigned>(each)) != 0; });
    if (own.empty()) continue;
    std::erase_if(left, [&](int each) { return std::find(own.begin(), own.end(), each) != own.end(); });
    cores.push_back(std::move(own));
  }
  for (int const each : left) cores.push_back({each});
  return cores;
}

Processors Topology::all() const {
  Processors found;
  auto const* const set = hwloc_topology_get_topology_cpuset(topology_.get());
  for (int each = hwloc_bitmap_first(set); each >= 0; each = hwloc_bitmap_next(set, each)) found.push_back(each);
  return found;
}

std::int64_t Topology::memory() const {
  return static_cast<std::int64_t>(hwloc_get_root_obj(topology_.get())->total_memory);
}

std::string to_text(Cores const& cores) {
  std::string text;
  for (auto const& core : cores) text += fmt::format("{}{}", text.empty() ? "" : ";", fmt::join(core, ","));
  return text;
}

Cores read_cores(std::string const& text) {
  Cores cores;
  std::istringstream parts{text};
  for (std::string part; std::getline(parts, part, ';');) {
    Processors core;
    std::istringstream numbers{part};
    char comma = 0;
    for (int each = 0; numbers >> each; numbers >> comma) core.push_back(each);
    if (!core.empty()) cores.push_back(std::move(core));
  }
  return cores;
}

}  // namespace farm::detail
