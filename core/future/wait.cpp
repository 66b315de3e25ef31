#include <farm/error.hpp>
#include <farm/wait.hpp>

#include <algorithm>
#include <string>
#include <unordered_set>

namespace farm::detail {

bool all_distinct(std::vector<FutureState*> states) {
  std::sort(states.begin(), states.end(), std::less<>{});
  if (!states.empty() && states.front() == nullptr) throw_invalid_future();
  return std::adjacent_find(states.begin(), states.end()) == states.end();
}

std::vector<std::size_t> first_occurrences(std::vector<FutureState*> const& states) {
  std::vector<std::size_t> indices;
  std::unordered_set<FutureState*> seen;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (seen.insert(states[i]).second) indices.push_back(i);
  }
  return indices;
}

void wait_for_states(std::vector<FutureState*> states, ReturnWhen when, Deadline deadline) {
  if (states.empty()) return;
  auto const count = when == ReturnWhen::first_completed ? 1 : states.size();
  CompletionWatch{std::move(states)}.wait_for(count, when == ReturnWhen::first_exception, deadline);
}

void throw_not_all_done(std::size_t not_done, std::size_t all) {
  throw TimeoutError(std::to_string(not_done) + " of " + std::to_string(all) + " futures were not done in time");
}

}  // namespace farm::detail
