#pragma once

#include "spawn/service/model/job.hpp"

#include <string>
#include <string_view>

/// Jobs as JSON, as clients send them and the database keeps them. spawn/service/README.md lists the members.
namespace farm::detail {

/// Returns the job as one line of JSON, without what has its default. Throws UsageError if a text of it is not UTF-8.
[[nodiscard]] std::string spec_to_json(JobSpec const& spec);

/// Returns the job of a JSON object. What is left out, or null, has its default. Throws UsageError, one line that names
/// the member, if the text is no JSON, or if a member is unknown, given twice, of the wrong type, or out of range; also
/// unless each kind has either a function or a command.
[[nodiscard]] JobSpec spec_from_json(std::string_view text);

/// Returns a task of a job that lists its tasks as one line of JSON: {"input", "kind", "needs", "name"}. The input is
/// copied as it is; it must be JSON.
[[nodiscard]] std::string listed_task_to_json(TaskSpec const& task);

/// Returns the task of such a line; its input exactly as it was written, but in one line. Throws UsageError as
/// spec_from_json() does. Whether the kind and the needed tasks exist is not checked.
[[nodiscard]] TaskSpec listed_task_from_json(std::string_view line);

}  // namespace farm::detail
