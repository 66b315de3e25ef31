#include "spawn/program/command_line.hpp"

#include "core/text/nearest_word.hpp"
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

constexpr auto exit_statuses =
    "Exit status: 0 all is well; 1 a task failed, an input cannot be read, or a check of the doctor failed; 2 the "
    "command line is wrong; 128 + N signal N has ended the program.";

/// Writes `help COMMAND` as `COMMAND --help`.
void replace_help(std::vector<std::string>& words, std::vector<CommandEntry> const& commands) {
  if (words.empty() || words.front() != "help") return;
  words.erase(words.begin());
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (auto const& [app, command] : commands) names.push_back(app->get_name());
  if (!words.empty() && std::find(names.begin(), names.end(), words.front()) == names.end())
    throw TypingError(unknown_word("subcommand", words.front(), names));
  if (words.size() > 1) words.erase(words.begin() + 1, words.end());
  words.emplace_back("--help");
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
    auto* const sub = commands.back().app;
    auto const footer = sub->get_footer();
    sub->footer(footer + (footer.empty() ? "" : "\n") + exit_statuses);
    for (auto* const option : sub->get_options()) {
      if (option->get_expected_max() == 0) option->disable_flag_override();  // --json=yes
      option->transform(CLI::Validator{[](std::string& word) {
                                         word = unmarked(std::move(word));
                                         return std::string{};
                                       },
                                       ""});
    }
  }
  app.require_subcommand(1);
  app.footer(fmt::format("`{} help COMMAND` tells more.\n{}", program, exit_statuses));

  std::vector<std::string> words{arguments.argv + std::min(1, arguments.argc), arguments.argv + arguments.argc};
  replace_help(words, commands);
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
