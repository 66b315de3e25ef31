#include "spawn/program/typing_error.hpp"

#include "core/text/nearest_word.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace farm::detail {
namespace {

std::vector<std::string> option_names(CLI::App const& app) {
  std::vector<std::string> names;
  for (auto const* const option : app.get_options()) {
    for (auto const& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> subcommand_names(CLI::App& app) {
  std::vector<std::string> names;
  for (auto const* const sub : app.get_subcommands([](CLI::App* /*any*/) { return true; }))
    names.push_back(sub->get_name());
  return names;
}

/// The dashes, which all options have, do not make a word near.
std::string unknown_option(CLI::App const& app, std::string const& command, std::string const& word) {
  auto const name = word.substr(0, word.find('='));
  auto const without_dashes = [](std::string const& option) {
    return option.substr(std::min(option.find_first_not_of('-'), option.size()));
  };
  std::vector<std::string> bare;
  for (auto const& option : option_names(app)) bare.push_back(without_dashes(option));
  if (auto const near = nearest_word(without_dashes(name), bare); !near.empty())
    return fmt::format("unknown option '{}': did you mean '--{}'?", name, near);
  return fmt::format("unknown option '{}'; see {} --help", name, command);
}

/// Returns what CLI11 says, or a sentence of ours if a flag was given a value.
std::string reason(CLI::ParseError const& error) {
  std::string const text = error.what();
  bool const is_flag = dynamic_cast<CLI::ArgumentMismatch const*>(&error) != nullptr &&
                       text.find("disallowed flag override") != std::string::npos;
  return is_flag ? fmt::format("--{} takes no value", text.substr(0, text.find(' '))) : text;
}

}  // namespace

std::string explain(CLI::App& app, CLI::ParseError const& error) {
  for (auto const& word : app.remaining()) {
    return word.starts_with('-') ? unknown_option(app, app.get_name(), word)
                                 : unknown_word("subcommand", word, subcommand_names(app));
  }
  for (auto* const sub : app.get_subcommands()) {
    for (auto const& word : sub->remaining()) {
      if (word.starts_with('-')) return unknown_option(*sub, app.get_name() + ' ' + sub->get_name(), word);
      return fmt::format("'{}' was not expected; see {} {} --help", word, app.get_name(), sub->get_name());
    }
    return fmt::format("{}; see {} {} --help", reason(error), app.get_name(), sub->get_name());
  }
  return fmt::format("no subcommand was given; choose one of {}; see {} --help", fmt::join(subcommand_names(app), ", "),
                     app.get_name());
}

}  // namespace farm::detail
