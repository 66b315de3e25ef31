#pragma once

#include "spawn/service/dispatch/dispatcher.hpp"
#include "spawn/service/queue/job_queue.hpp"

#include <farm/detail/group_view.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What clients see of jobs, tasks and groups, as JSON. README.md of the service lists the members.
namespace farm::detail {

/// Returns a number for each state.
[[nodiscard]] std::string shown_counts(StateCounts const& counts);
/// Returns JOB; with `with_spec` also what was submitted.
[[nodiscard]] std::string shown_job(JobInfo const& job, bool with_spec = false);
/// Returns TASK. `end` is its latest end or begin, null if it has none; `running` is null unless a group runs it;
/// `history` is a JSON list, empty: left out.
[[nodiscard]] std::string shown_task(TaskName name, TaskState state, TaskSpec const& spec, std::uint32_t attempts,
                                     TaskEnd const* end, RunningTask const* running, std::string_view history = {});
/// Returns one object for each attempt that is known of.
[[nodiscard]] std::string shown_history(std::vector<TaskEnd> const& ends, RunningTask const* running);
/// Returns the record of a task that has ended: index, input, result or error, attempts, seconds.
[[nodiscard]] std::string shown_record(TaskSpec const& spec, TaskEnd const& end);
/// Returns GROUP.
[[nodiscard]] std::string shown_group(GroupView const& group);

}  // namespace farm::detail
