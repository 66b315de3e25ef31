#include "spawn/program/demo/job_table.hpp"

#include <farm/mpi_spawn_pool.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace farm::demo {

JobTable::JobTable(MPISpawnPool const& pool) : pool_(pool) {}

void JobTable::end_job(std::string name) {
  auto const now = Clock::now();
  auto const after = pool_.statistics();
  auto const groups = after.groups - after.groups_lost;
  rows_.push_back({.name = std::move(name),
                   .tasks = after.tasks - before_.tasks,
                   .groups = groups,
                   .ranks = static_cast<int>(groups) * pool_.ranks_per_task(),
                   .seconds = std::chrono::duration<double>(now - began_).count(),
                   .busy = std::chrono::duration<double>(after.busy - before_.busy).count()});
  before_ = after;
  began_ = Clock::now();
}

std::string JobTable::line(Row const& row) {
  double const available = row.seconds * row.ranks;
  return fmt::format("{:<12}{:>7}{:>8}{:>7}{:>10.3f}{:>10.1f}{:>6.0f} %\n", row.name, row.tasks, row.groups, row.ranks,
                     row.seconds, row.seconds > 0 ? static_cast<double>(row.tasks) / row.seconds : 0,
                     available > 0 ? 100 * row.busy / available : 0);
}

std::string JobTable::text() const {
  auto text = fmt::format("{:<12}{:>7}{:>8}{:>7}{:>10}{:>10}{:>8}\n", "job", "tasks", "groups", "ranks", "seconds",
                          "tasks/s", "busy");
  Row all{.name = "all"};
  for (auto const& row : rows_) {
    text += line(row);
    all.tasks += row.tasks;
    all.groups = std::max(all.groups, row.groups);
    all.ranks = std::max(all.ranks, row.ranks);
    all.seconds += row.seconds;
    all.busy += row.busy;
  }
  return text + line(all);
}

}  // namespace farm::demo
