#pragma once

#include <filesystem>
#include <optional>

/// How many cores this process may use.
namespace farm::detail {

/// Returns how many cores the calling thread may use: those of its affinity, but no more than the CPU quota of the
/// process allows. At least 1. Reads files, so call it once for each decision, not once for each task.
[[nodiscard]] int core_count();

/// Returns how many cores are in the affinity of the calling thread. At least 1.
[[nodiscard]] int affinity_core_count();

/// Returns the CPU quota of this process in whole cores, rounded down, but at least 1. This is the smallest quota among
/// the process's control group (cgroup) and all groups above it that are mounted; of version 1 (cpu.cfs_quota_us),
/// version 2 (cpu.max) or both. None: there is no quota. `root` is the root directory: tests pass a made-up tree with
/// proc/self/cgroup and proc/self/mountinfo in it.
[[nodiscard]] std::optional<int> quota_core_count(std::filesystem::path const& root = "/");

}  // namespace farm::detail
