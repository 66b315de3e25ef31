#include "spawn/service/store/runs.hpp"

#include "spawn/service/store/disk/end_lines.hpp"
#include "spawn/service/store/disk/lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace farm::detail {

std::int64_t level_of(std::size_t ends) {
  return ends == 0 ? 0 : (static_cast<std::int64_t>(std::bit_width(ends)) - 1) / 3;
}

std::optional<std::size_t> find_merge(std::vector<Run> const& runs, std::size_t waiting) {
  for (std::int64_t level = 0; level < top_level; ++level) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      length = runs[i].level <= level ? length + 1 : 0;
      if (length >= waiting) return i + 1 - length;
    }
  }
  return std::nullopt;
}

std::vector<Run> read_runs(Database& database, std::int64_t job) {
  std::vector<Run> runs;
  Statement statement{database, "SELECT run, max(level) FROM ends WHERE job = ? GROUP BY run ORDER BY run"};
  auto rows = statement.rows({job});
  while (rows.next()) runs.push_back({.number = rows.integer(0), .level = rows.integer(1)});
  return runs;
}

void EndLines::added(std::uint64_t task) {
  items_.push_back({.task = task, .begin = items_.empty() ? 0 : items_.back().end, .end = text_.size()});
}

Run EndLines::write(Statement& insert, std::int64_t job, std::int64_t number, std::int64_t least_level) {
  std::stable_sort(items_.begin(), items_.end(), [](Item const& a, Item const& b) { return a.task < b.task; });
  Run const run{.number = number, .level = std::max(level_of(items_.size()), least_level)};
  LineList list;
  std::size_t first = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    list.add(std::string_view{text_}.substr(items_[i].begin, items_[i].end - items_[i].begin));
    auto const is_last = i + 1 == items_.size();
    if (!is_last && (!list.is_full() || items_[i + 1].task == items_[i].task)) continue;  // no task in two rows
    auto const count = static_cast<std::int64_t>(list.count());
    auto const text = list.take();
    insert.run(
        with_checksum(ends_table, {Cell{}, job, run.number, run.level, static_cast<std::int64_t>(items_[first].task),
                                   static_cast<std::int64_t>(items_[i].task), count, text}));
    first = i + 1;
  }
  return run;
}

std::size_t merge_runs(Database& database, std::int64_t job, std::vector<Run>& runs, std::size_t first) {
  auto const begin = runs.begin() + static_cast<std::ptrdiff_t>(first);
  auto const end = begin + static_cast<std::ptrdiff_t>(runs_per_merge);
  auto const [low, high] = std::pair{begin->number, (end - 1)->number};
  auto const highest = std::max_element(begin, end, [](Run a, Run b) { return a.level < b.level; })->level;
  EndLines lines;
  {
    auto const where = " WHERE job = ? AND run BETWEEN ? AND ? ORDER BY run, level, lowest";
    Statement statement{database, select_from(ends_table) + where};
    auto rows = statement.rows({job, low, high});
    while (rows.next()) {
      auto const row = rows.row();
      if (!is_intact(ends_table, row))
        throw StoreError{
            fmt::format("a row with ends of tasks of job {} in {} is damaged", job, database.file().string())};
      for_each_line(row[ends_column::lines].text, [&](std::string_view line) {
        lines.text() += line;
        lines.added(task_of_line(line));
      });
    }
  }
  Statement{database, "DELETE FROM ends WHERE job = ? AND run BETWEEN ? AND ?"}.run({job, low, high});
  Statement insert{database, insert_into(ends_table)};
  *begin = lines.write(insert, job, high, highest + 1);
  runs.erase(begin + 1, end);
  return lines.count();
}

}  // namespace farm::detail
