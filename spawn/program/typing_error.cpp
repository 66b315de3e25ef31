#include "spawn/program/typing_error.hpp"

#include "core/text/nearest_word.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

std::string unknown_option(CLI::App const& app, std::string const& word) {
  return unknown_word("option", word.substr(0, word.find('=')), option_names(app));
}

}  // namespace

std::string explain(CLI::App& app, CLI::ParseError const& error) {
  for (auto const& word : app.remaining()) {
    return word.starts_with('-') ? unknown_option(app, word) : unknown_word("subcommand", word, subcommand_names(app));
  }
  for (auto* const sub : app.get_subcommands()) {
    for (auto const& word : sub->remaining()) {
      if (word.starts_with('-')) return unknown_option(*sub, word);
      return fmt::format("'{}' was not expected; see {} {} --help", word, app.get_name(), sub->get_name());
    }
    return fmt::format("{}; see {} {} --help", error.what(), app.get_name(), sub->get_name());
  }
  return fmt::format("no subcommand was given; choose one of {}; see {} --help", fmt::join(subcommand_names(app), ", "),
                     app.get_name());
}

}  // namespace farm::detail
