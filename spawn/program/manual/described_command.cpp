#include "spawn/program/manual/described_command.hpp"

#include <utility>

namespace farm::detail {
namespace {

DescribedOption describe(CLI::Option const& option) {
  DescribedOption described{.text = option.get_description()};
  for (auto const& name : option.get_snames()) described.names.push_back("-" + name);
  for (auto const& name : option.get_lnames()) described.names.push_back("--" + name);
  if (option.get_expected_max() > 0) described.value = option.get_type_name();
  return described;
}

}  // namespace

std::vector<DescribedCommand> described_commands(CLI::App& program) {
  std::vector<DescribedCommand> commands;
  for (auto* const app : program.get_subcommands([](CLI::App* /*any*/) { return true; })) {
    DescribedCommand command{.name = app->get_name(),
                             .text = app->get_description(),
                             .commands = described_commands(*app),
                             .footer = app->get_footer()};
    for (auto const* const option : app->get_options()) {
      if (option->get_positional()) {
        command.words.push_back(option->get_name());
      } else {
        command.options.push_back(describe(*option));
      }
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

}  // namespace farm::detail
