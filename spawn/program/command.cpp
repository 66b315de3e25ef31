#include "spawn/program/command.hpp"

#include "spawn/program/typing_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

std::vector<CommandMaker>& makers() {
  static std::vector<CommandMaker> all{
      make_map_command,    make_run_command,    make_tasks_command,      make_submit_command, make_job_command,
      make_task_command,   make_server_command, make_serve_command,      make_top_command,    make_doctor_command,
      make_report_command, make_cache_command,  make_completion_command, make_man_command};
  return all;
}

}  // namespace

void Command::add_inputs(std::vector<std::string> inputs) {
  if (!inputs.empty()) throw TypingError(fmt::format("'{}' was not expected", inputs.front()));
}

CommandGroup::CommandGroup(CLI::App& app, std::vector<CommandMaker> const& makers) {
  app.require_subcommand(1);
  for (auto const maker : makers) commands_.push_back(maker(app));
}

Command& CommandGroup::chosen() const {
  auto const found =
      std::find_if(commands_.begin(), commands_.end(), [](CommandEntry const& each) { return each.app->parsed(); });
  return *found->command;  // there is one, as the command line was parsed
}

int CommandGroup::run(ProgramArguments arguments) { return chosen().run(arguments); }

void CommandGroup::add_inputs(std::vector<std::string> inputs) { chosen().add_inputs(std::move(inputs)); }

bool add_command(CommandMaker maker) {
  makers().push_back(maker);
  return true;
}

std::vector<CommandMaker> const& command_makers() { return makers(); }

}  // namespace farm::detail
