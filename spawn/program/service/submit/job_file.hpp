#pragma once

#include "spawn/program/service/submit/server_functions.hpp"
#include "spawn/service/client/submission_body.hpp"
#include "spawn/service/model/job.hpp"

#include <functional>
#include <string>

namespace farm::detail {

/// Reads a job file: TOML with the keys of the job, a table [defaults] and a [[task]] for each task or list of tasks.
/// `over` holds what the command line says of the job. Relative paths are relative to the directory of the file. Throws
/// TypingError, which names line and column, and std::system_error if the file cannot be read.
[[nodiscard]] SubmissionBody read_job_file(std::string const& path, ServerFunctions& functions,
                                           std::function<void(JobSpec&)> const& over);

}  // namespace farm::detail
