#pragma once

#include "spawn/program/input/input_source.hpp"
#include "spawn/service/client/submission_body.hpp"

#include <farm/detail/named_task.hpp>

namespace farm::detail {

/// Adds a task for each input. Files, pipes and the standard input are read to their end. Throws TypingError, which
/// names file, line and argument, if an input cannot be read, or if the submission becomes larger than a server takes;
/// and std::system_error.
void add_inputs_to(SubmissionBody& submission, NamedTask const& task, InputArguments const& inputs);

}  // namespace farm::detail
