#pragma once

#include "spawn/service/model/job.hpp"

#include <string_view>
#include <vector>

namespace farm::detail {

struct Submission {
  JobSpec spec{};
  std::vector<TaskSpec> tasks{};
};

/// Reads the lines of a submission: see README.md of the service. Throws UsageError, which names the line, if it is
/// incomplete or cannot be meant.
[[nodiscard]] Submission read_submission(std::string_view body);

}  // namespace farm::detail
