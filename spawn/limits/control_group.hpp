#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace farm::detail {

/// A control group (cgroup) that limits this process.
struct ControlGroup {
  enum class Version { one, two };
  std::filesystem::path directory;  ///< with the files that hold the limits
  Version version = Version::one;
};

/// Returns the process's control group and all groups above it that are mounted: those of version 2, and those of the
/// hierarchy `controller` ("cpu", "memory") of version 1. `root` is the root directory: tests pass a made-up tree with
/// proc/self/cgroup and proc/self/mountinfo in it.
[[nodiscard]] std::vector<ControlGroup> control_groups(std::string_view controller,
                                                       std::filesystem::path const& root = "/");

}  // namespace farm::detail
