#include "spawn/limits/cores.hpp"

#include "spawn/limits/control_group.hpp"

#include <sched.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

namespace farm::detail {
namespace {

using Version = ControlGroup::Version;

/// Returns the quota of one control group in cores.
std::optional<double> read_quota(std::filesystem::path const& directory, Version version) {
  std::string quota;
  double period = 0;
  if (version == Version::one) {
    std::ifstream{directory / "cpu.cfs_quota_us"} >> quota;
    std::ifstream{directory / "cpu.cfs_period_us"} >> period;
  } else {
    std::ifstream{directory / "cpu.max"} >> quota >> period;
  }
  auto const time = std::atof(quota.c_str());  // 0 for "max" and for a file that is missing; -1: no quota
  if (time <= 0 || period <= 0) return std::nullopt;
  return time / period;
}

}  // namespace

int affinity_core_count() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(CPU_COUNT(&set), 1) : 1;
}

std::optional<int> quota_core_count(std::filesystem::path const& root) {
  std::optional<double> least;
  for (auto const& [directory, version] : control_groups("cpu", root)) {
    if (auto const quota = read_quota(directory, version)) least = std::min(least.value_or(*quota), *quota);
  }
  if (!least) return std::nullopt;
  return static_cast<int>(std::clamp(std::floor(*least), 1.0, 1e6));
}

int core_count() {
  int const cores = affinity_core_count();
  return std::min(cores, quota_core_count().value_or(cores));
}

}  // namespace farm::detail
