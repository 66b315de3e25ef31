#include "spawn/service/queue/check_submission.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace farm::detail {
namespace {

/// Throws if tasks need each other in a circle: takes away tasks that need nothing, until none is left.
void check_circles(std::vector<TaskSpec> const& tasks) {
  std::vector<std::size_t> missing(tasks.size());
  std::vector<std::vector<std::uint32_t>> needed_by(tasks.size());
  std::vector<std::uint32_t> free;
  for (std::uint32_t task = 0; task < tasks.size(); ++task) {
    missing[task] = tasks[task].needs.size();
    for (auto const need : tasks[task].needs) needed_by[need].push_back(task);
    if (missing[task] == 0) free.push_back(task);
  }
  std::size_t done = 0;
  while (!free.empty()) {
    auto const task = free.back();
    free.pop_back();
    ++done;
    for (auto const other : needed_by[task]) {
      if (--missing[other] == 0) free.push_back(other);
    }
  }
  if (done == tasks.size()) return;
  auto const stuck = std::find_if(missing.begin(), missing.end(), [](std::size_t each) { return each != 0; });
  throw UsageError(fmt::format("task {} needs itself, through the tasks that it needs: none of them can begin",
                               stuck - missing.begin()));
}

}  // namespace

void check_submission(JobSpec const& spec, std::vector<TaskSpec> const& tasks) {
  if (tasks.empty()) throw UsageError("the job has no tasks");
  bool has_needs = false;
  for (std::size_t task = 0; task < tasks.size(); ++task) {
    if (tasks[task].kind >= spec.kinds.size()) {
      throw UsageError(
          fmt::format("task {} is of kind {}, but the job has {} kinds", task, tasks[task].kind, spec.kinds.size()));
    }
    for (auto const need : tasks[task].needs) {
      has_needs = true;
      if (need >= tasks.size())
        throw UsageError(fmt::format("task {} needs task {}, but the job has {} tasks", task, need, tasks.size()));
      if (need == task) throw UsageError(fmt::format("task {} needs itself", task));
    }
  }
  if (has_needs) check_circles(tasks);
}

}  // namespace farm::detail
