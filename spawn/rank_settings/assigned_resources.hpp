#pragma once

#include "core/task/frame.hpp"
#include "spawn/rank_settings/environment_change.hpp"
#include "spawn/resources/topology.hpp"

#include <optional>

namespace farm::detail {

/// Binds this process to the cores that it has in its group, and shows it the devices that it has there. The destructor
/// restores what was before.
class AssignedResources {
 public:
  AssignedResources() = default;
  AssignedResources(AssignedResources const&) = delete;
  AssignedResources& operator=(AssignedResources const&) = delete;
  ~AssignedResources();

  /// Uses these from now on, in place of those that were used before.
  void use(Assignment const& assignment);

 private:
  std::optional<Processors> processors_before_;
  std::optional<EnvironmentChange> variables_;
};

}  // namespace farm::detail
