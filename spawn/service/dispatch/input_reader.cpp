#include "spawn/service/dispatch/input_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::uint64_t block_size = 4096;
constexpr std::size_t most_blocks = 16;

}  // namespace

std::string const& InputReader::input(TaskName task) {
  auto const first = task.task / block_size * block_size;
  auto const found = std::find_if(blocks_.begin(), blocks_.end(),
                                  [&](Block const& block) { return block.job == task.job && block.first == first; });
  if (found == blocks_.end()) {
    blocks_.push_front({task.job, first, store_.tasks(task.job, first, block_size)});
    if (blocks_.size() > most_blocks) blocks_.pop_back();
  } else if (found != blocks_.begin()) {
    blocks_.splice(blocks_.begin(), blocks_, found);
  }
  auto const& tasks = blocks_.front().tasks;
  if (task.task - first >= tasks.size())
    throw StoreError(fmt::format("the input of task {}.{} is not in the database", task.job, task.task));
  return tasks[task.task - first].input;
}

}  // namespace farm::detail
