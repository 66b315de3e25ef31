#pragma once

#include "spawn/service/client/replies.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace farm::detail {

/// Calls a function for each task of a job, in their order.
using ForEachTask = std::function<void(std::function<void(TaskReply const&)> const&)>;

/// Returns a report of the job as a page of HTML. `for_each_task` is called once. The memory that this takes grows with
/// the number of groups and failures that are shown, not with that of the tasks, except for 8 bytes each. `time` is
/// when the job was asked for, in seconds since 1970.
[[nodiscard]] std::string job_report(JobReply const& job, ForEachTask const& for_each_task, double time);

}  // namespace farm::detail
