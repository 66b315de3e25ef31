#include "spawn/resources/host_resources.hpp"

#include "core/base/settings.hpp"
#include "spawn/limits/cores.hpp"
#include "spawn/limits/memory_limit.hpp"
#include "spawn/resources/affinity.hpp"
#include "spawn/resources/devices.hpp"
#include "spawn/resources/topology.hpp"

#include <algorithm>

namespace farm::detail {

ToldResources told_resources() { return read_resources(setting(Setting::resources), setting_name(Setting::resources)); }

Capacity with_told(Capacity found) {
  auto const told = told_resources();
  if (told.cores) found.cores = *told.cores;
  if (told.gpus) found.gpus = *told.gpus;
  if (told.memory) found.memory = *told.memory;
  return found;
}

Capacity capacity_of_this_host() {
  Capacity found;
  auto const& machine = Topology::of_this_machine();
  auto const cores = static_cast<int>(machine.cores_within(processors_of_ranks()).size());
  found.cores = std::max(1, std::min(cores, quota_core_count().value_or(cores)));
  found.gpus = detected_devices();
  if (auto const memory = machine.memory(); memory > 0) found.memory = memory;
  if (auto const limit = memory_limit()) found.memory = std::min(found.memory.value_or(*limit), *limit);
  found = with_told(std::move(found));
  if (auto const listed = listed_devices()) {
    bool const is_told = told_resources().gpus.has_value();
    found.gpus = is_told ? std::min<std::int64_t>(found.gpus, *listed) : *listed;
  }
  return found;
}

Capacity sum_of(std::vector<HostResources> const& hosts) {
  Capacity sum{.cores = 0, .memory = 0};
  for (auto const& [name, capacity] : hosts) {
    sum.cores = sum.cores && capacity.cores ? std::optional{*sum.cores + *capacity.cores} : std::nullopt;
    sum.memory = sum.memory && capacity.memory ? std::optional{*sum.memory + *capacity.memory} : std::nullopt;
    sum.gpus += capacity.gpus;
  }
  sum.named = told_resources().named;
  return sum;
}

}  // namespace farm::detail
