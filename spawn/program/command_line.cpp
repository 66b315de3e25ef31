#include "spawn/program/command_line.hpp"

#include "spawn/program/output.hpp"
#include "spawn/program/typing_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <locale>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

/// Marks a word at its end. No argument of a program contains this character.
constexpr char mark = '\0';

/// Returns true for -inf, -.5 and other negative numbers, also if further arguments follow after a comma.
bool begins_with_negative_number(std::string_view word) {
  word = word.substr(0, word.find(','));
  double value = 0;
  auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return word.starts_with('-') && error != std::errc::invalid_argument && end == word.data() + word.size();
}

/// Returns the word in a form that CLI11 leaves alone: CLI11 would split [a,b] into two values, take -inf and -.5 for
/// options, and ++ for the end of a subcommand.
std::string marked(std::string const& word) {
  if (begins_with_negative_number(word)) return mark + word;
  bool const is_list = word.starts_with('[') && word.ends_with(']');
  return is_list || word == "++" ? word + mark : word;
}

std::string unmarked(std::string word) {
  std::erase(word, mark);
  return word;
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
  for (auto const maker : command_makers()) {
    commands.push_back(maker(app));
    for (auto* const option : commands.back().app->get_options()) {
      option->transform(CLI::Validator{[](std::string& word) {
                                         word = unmarked(std::move(word));
                                         return std::string{};
                                       },
                                       ""});
    }
  }
  app.require_subcommand(1);

  std::vector<std::string> const words{arguments.argv + std::min(1, arguments.argc), arguments.argv + arguments.argc};
  auto const dashes = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> reversed;  // CLI11 takes the words in reverse order
  std::transform(words.begin(), dashes, std::back_inserter(reversed), marked);
  std::reverse(reversed.begin(), reversed.end());
  try {
    app.parse(std::move(reversed));
  } catch (CLI::Success const& help_or_version) {
    std::ostringstream text;
    text.imbue(std::locale::classic());
    int const status = app.exit(help_or_version, text, text);
    print_out(text.str());
    return status;
  } catch (CLI::ParseError const& error) {
    throw TypingError(unmarked(explain(app, error)));
  }
  for (auto const& [sub, command] : commands) {
    if (!sub->parsed()) continue;
    if (dashes != words.end()) command->add_inputs({dashes + 1, words.end()});
    return command->run(arguments);
  }
  return 2;
}

}  // namespace farm::detail
