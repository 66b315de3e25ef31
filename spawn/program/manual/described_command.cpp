#include "spawn/program/manual/described_command.hpp"

#include <utility>

namespace farm::detail {
namespace {

DescribedCommand describe(CLI::App const& app) {
  DescribedCommand command{.name = app.get_name(), .text = app.get_description(), .footer = app.get_footer()};
  for (auto const* const option : app.get_options()) {
    if (option->get_positional()) {
      command.words.push_back(option->get_name());
      continue;
    }
    DescribedOption described{.text = option->get_description()};
    for (auto const& name : option->get_snames()) described.names.push_back("-" + name);
    for (auto const& name : option->get_lnames()) described.names.push_back("--" + name);
    if (option->get_expected_max() > 0) described.value = option->get_type_name();
    command.options.push_back(std::move(described));
  }
  return command;
}

}  // namespace

std::vector<DescribedCommand> described_commands(CLI::App& program) {
  std::vector<DescribedCommand> commands;
  for (auto const* const app : program.get_subcommands([](CLI::App* /*any*/) { return true; }))
    commands.push_back(describe(*app));
  return commands;
}

}  // namespace farm::detail
