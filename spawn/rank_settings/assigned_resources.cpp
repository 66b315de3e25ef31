#include "spawn/rank_settings/assigned_resources.hpp"

#include "spawn/resources/affinity.hpp"
#include "spawn/resources/devices.hpp"

namespace farm::detail {

AssignedResources::~AssignedResources() {
  if (processors_before_) bind_process(*processors_before_);
}

void AssignedResources::use(Assignment const& assignment) {
  if (!assignment.devices.empty()) {
    variables_.reset();  // the numbers of devices are those of the list that was set before
    variables_.emplace(device_variables(assignment.devices));
  }
  if (assignment.processors.empty()) return;
  if (!processors_before_) processors_before_ = affinity_of(0);
  bind_process(assignment.processors);
}

}  // namespace farm::detail
