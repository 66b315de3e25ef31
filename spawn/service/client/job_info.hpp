#pragma once

#include "spawn/service/client/replies.hpp"

#include <farm/service_job.hpp>

namespace farm::detail {

/// Returns what users of Client see of a job.
[[nodiscard]] farm::JobInfo job_info(JobReply const& job);

}  // namespace farm::detail
