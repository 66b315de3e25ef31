#include "spawn/program/command_line.hpp"

#include "spawn/program/typing_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

/// Appends a blank to a word like [a,b]. CLI11 would split the word into two values, even for an option of one value,
/// but not if a blank follows. Readers of the value ignore the blank.
std::string without_lists(std::string const& argument) {
  return argument.starts_with('[') && argument.ends_with(']') ? argument + ' ' : argument;
}

}  // namespace

int run_command_line(ProgramArguments arguments) {
  auto const program =
      arguments.argc > 0 ? std::filesystem::path{arguments.argv[0]}.filename().string() : std::string{"farm"};
  CLI::App app{"Runs MPI-parallel functions as tasks, each on a group of ranks of its own.", program};
  app.set_version_flag("--version", fmt::format("farm {}", FARM_VERSION));
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.get_formatter()->column_width(28);
  std::vector<CommandEntry> commands;
  for (auto const maker : command_makers()) commands.push_back(maker(app));
  app.require_subcommand(1);

  std::vector<std::string> const words{arguments.argv + std::min(1, arguments.argc), arguments.argv + arguments.argc};
  auto const dashes = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> reversed;  // CLI11 takes the words in reverse order
  std::transform(words.begin(), dashes, std::back_inserter(reversed), without_lists);
  std::reverse(reversed.begin(), reversed.end());
  try {
    app.parse(std::move(reversed));
  } catch (CLI::Success const& help_or_version) {
    return app.exit(help_or_version);
  } catch (CLI::ParseError const& error) {
    throw TypingError(explain(app, error));
  }
  for (auto const& [sub, command] : commands) {
    if (!sub->parsed()) continue;
    if (dashes != words.end()) command->add_inputs({dashes + 1, words.end()});
    return command->run(arguments);
  }
  return 2;
}

}  // namespace farm::detail
