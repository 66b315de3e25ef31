#include "spawn/program/command.hpp"

#include "spawn/program/typing_error.hpp"

#include <fmt/format.h>

namespace farm::detail {
namespace {

std::vector<CommandMaker>& makers() {
  static std::vector<CommandMaker> all{make_map_command,    make_run_command,    make_tasks_command,
                                       make_doctor_command, make_report_command, make_completion_command,
                                       make_man_command};
  return all;
}

}  // namespace

void Command::add_inputs(std::vector<std::string> inputs) {
  if (!inputs.empty()) throw TypingError(fmt::format("'{}' was not expected", inputs.front()));
}

bool add_command(CommandMaker maker) {
  makers().push_back(maker);
  return true;
}

std::vector<CommandMaker> const& command_makers() { return makers(); }

}  // namespace farm::detail
