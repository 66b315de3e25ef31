#pragma once

#include "spawn/service/model/job.hpp"

#include <vector>

namespace farm::detail {

/// Throws UsageError if the tasks of a submission cannot be meant: there are none, a kind is not there, or a task needs
/// one that is not there, itself, or others in a circle.
void check_submission(JobSpec const& spec, std::vector<TaskSpec> const& tasks);

}  // namespace farm::detail
