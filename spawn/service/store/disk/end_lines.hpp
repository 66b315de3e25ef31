#pragma once

#include "spawn/service/model/job.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

/// Ends of tasks as lines of JSON. A row of the table `ends` has a list of them:
/// [task, state, attempts, ended, took, seconds, group, hosts, rest, value]. Times are seconds since 1970, `took` and
/// `seconds` microseconds; `took` is null for a task that never started, else `ended` less `started`. `hosts` is a key
/// of the table `hosts`, or 0. `rest` is 0, or [peak memory, loss...]. The value is left out if it is empty.
namespace farm::detail {

/// A larger value is not kept: the task counts as failed, with an error that says so.
inline constexpr std::size_t largest_value = std::size_t{512} << 20;

/// Adds the line of an end to a text. Times are rounded to microseconds; those that no clock shows become 0.
void append_line(std::string& text, TaskEnd const& end, std::int64_t hosts);

/// What the queue needs of an end.
struct ShortEnd {
  std::uint64_t task = 0;
  TaskState state = TaskState::finished;
  std::uint32_t attempts = 0;
  double ended = 0;
};
/// All throw StoreError if the line cannot be understood.
[[nodiscard]] std::uint64_t task_of_line(std::string_view line);
[[nodiscard]] ShortEnd short_end_of_line(std::string_view line);
/// `names_of` returns the names of hosts by their key.
[[nodiscard]] TaskEnd end_of_line(std::uint64_t job, std::string_view line,
                                  std::function<std::string(std::int64_t)> const& names_of);

}  // namespace farm::detail
