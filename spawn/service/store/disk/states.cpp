#include "spawn/service/store/disk/states.hpp"

#include "spawn/service/store/disk/end_lines.hpp"
#include "spawn/service/store/disk/lines.hpp"
#include "spawn/service/store/disk/schema.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace farm::detail {

JobStates read_states(Database& database, std::uint64_t job, std::uint64_t tasks) {
  constexpr std::int64_t no_end = -1;
  JobStates result;
  result.states.resize(tasks, TaskState::waiting);
  std::vector<std::int64_t> attempts;
  Statement statement{database, select_from(ends_table) + " WHERE job = ? ORDER BY run, level, lowest"};
  auto rows = statement.rows({static_cast<std::int64_t>(job)});
  while (rows.next()) {
    auto const row = rows.row();
    if (!is_intact(ends_table, row))
      throw StoreError{fmt::format("a row with ends of tasks of job {} is damaged", job)};
    if (attempts.empty()) attempts.resize(tasks, no_end);
    for_each_line(row[ends_column::lines].text, [&](std::string_view line) {
      auto const end = short_end_of_line(line);
      if (end.task >= tasks) return;
      result.states[end.task] = end.state;
      attempts[end.task] = end.attempts;
      result.last_ended = std::max(result.last_ended, end.ended);
    });
  }
  for (std::uint64_t task = 0; task < attempts.size(); ++task) {
    if (attempts[task] != no_end) result.attempts.emplace_back(task, static_cast<std::uint32_t>(attempts[task]));
  }
  return result;
}

}  // namespace farm::detail
