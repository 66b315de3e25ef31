#include "spawn/program/service/job/listed_states.hpp"

#include "core/text/nearest_word.hpp"
#include "spawn/program/typing_error.hpp"

#include <vector>

namespace farm::detail {

void add_state_option(CLI::App& app, std::string& word) {
  app.add_option("--state", word,
                 "Only those in this state: waiting, blocked, held, running, finished, failed or cancelled")
      ->type_name("STATE");
}

std::optional<TaskState> state_option(std::string const& word) {
  if (word.empty()) return std::nullopt;
  if (auto const state = state_of(word)) return state;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < task_states; ++i) words.emplace_back(word_of(static_cast<TaskState>(i)));
  throw TypingError("--state: " + unknown_word("state", word, words));
}

}  // namespace farm::detail
