#pragma once

#include <farm/options.hpp>
#include <farm/serialize.hpp>
#include <farm/task_context.hpp>

#include <map>
#include <string>

namespace farm::detail {

/// Returns the packed TaskSettings of a task that has any; else nothing. Throws UsageError if a variable has an
/// impossible name or value, or the path of the output an unknown field.
[[nodiscard]] Bytes packed_settings(TaskOptions const& options);

/// Throws UsageError unless these can be variables of an environment.
void check_variables(std::map<std::string, std::string> const& variables);

/// Returns the path of a task's output file, with its fields filled in, for the rank on which this is called.
[[nodiscard]] std::string filled_output_path(std::string const& output, TaskContext const& context);

}  // namespace farm::detail
