#pragma once

#include "core/resources/capacity.hpp"
#include "core/resources/resource_list.hpp"

#include <string>
#include <vector>

namespace farm::detail {

/// What one host has for ranks. Named resources belong to the run, not to a host.
struct HostResources {
  std::string name;
  Capacity capacity{};
};

/// Returns what FARM_RESOURCES tells. Throws UsageError if it cannot be understood.
[[nodiscard]] ToldResources told_resources();

/// Returns what this host has for ranks: the cores that they may use, within the CPU quota; devices; memory, within the
/// limit of the control group. What FARM_RESOURCES tells counts more. Throws UsageError as told_resources().
[[nodiscard]] Capacity capacity_of_this_host();

/// Returns `found`, what another host has, with what FARM_RESOURCES tells in its place. Throws as told_resources().
[[nodiscard]] Capacity with_told(Capacity found);

/// Returns the sum over the hosts, and the named resources of the run.
[[nodiscard]] Capacity sum_of(std::vector<HostResources> const& hosts);

}  // namespace farm::detail
