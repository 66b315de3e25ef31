#pragma once

#include "spawn/service/model/job.hpp"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

namespace farm::detail {

/// Adds --state to a command.
void add_state_option(CLI::App& app, std::string& word);
/// Returns the state; none if the word is empty. Throws TypingError, with the nearest word.
[[nodiscard]] std::optional<TaskState> state_option(std::string const& word);

}  // namespace farm::detail
