#pragma once

#include "spawn/service/client/requests.hpp"

#include <cstdint>
#include <vector>

namespace farm::detail {

/// How a command waits for jobs.
struct WaitOptions {
  bool shows_progress = false;
  bool is_quiet = false;  ///< nothing is printed at the end
};

/// Blocks until all jobs have ended, and prints how on the standard error. Returns the exit status: 0 if all of their
/// tasks have finished, else 1. On SIGINT, SIGTERM or SIGHUP it says that the jobs go on, and ends this process with
/// status 128 + signal.
[[nodiscard]] int wait_for_jobs(Requests& requests, std::vector<std::uint64_t> const& jobs, WaitOptions options);

/// Returns "job 5: 97 finished, 3 failed", and the first error.
[[nodiscard]] std::string summary_of(JobReply const& job);

}  // namespace farm::detail
