#include "spawn/service/model/job.hpp"

#include <algorithm>
#include <array>

namespace farm::detail {
namespace {

constexpr std::array<std::string_view, task_states> words{"waiting",  "blocked", "held",     "running",
                                                          "finished", "failed",  "cancelled"};

}  // namespace

std::string_view word_of(TaskState state) { return words.at(static_cast<std::size_t>(state)); }

std::optional<TaskState> state_of(std::string_view word) {
  auto const* const found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<TaskState>(found - words.begin());
}

}  // namespace farm::detail
