#include "spawn/program/service/service_arguments.hpp"

#include "spawn/program/output.hpp"
#include "spawn/program/report/text_table.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace farm::detail {
namespace {

/// How long a server may be away while it is started anew, in seconds.
constexpr double patience = 600;

std::optional<OutputMode> mode_of(std::string const& word) {
  if (word == "text") return OutputMode::text;
  if (word == "json") return OutputMode::json;
  if (word == "quiet") return OutputMode::quiet;
  return std::nullopt;
}

}  // namespace

void ServiceArguments::add_to(CLI::App& app) {
  app.add_option("--dir", directory, "The server's state directory (default: FARM_DIR, else ~/.local/state/farm)")
      ->type_name("DIR");
  app.add_option("--server", server, "A port on which the server listens (default: FARM_SERVER); wants FARM_TOKEN")
      ->type_name("HOST:PORT");
  app.add_option_function<std::string>(
         "--output-mode", [this](std::string const& word) { mode = mode_of(word).value_or(OutputMode::text); },
         "How to print: text, json (one object in each line) or quiet (only numbers)")
      ->check(CLI::Validator{[](std::string const& word) {
                               return mode_of(word)
                                          ? std::string{}
                                          : fmt::format("'{}' was given, text, json or quiet is expected", word);
                             },
                             ""})
      ->type_name("MODE");
}

Requests ServiceArguments::requests() const {
  return Requests{
      {.directory = directory, .server = server, .patience = patience, .when_away = [](std::string const& why) {
         print_error_line(why + "; waiting for it");
       }}};
}

void Listing::add(std::string const& json, std::string const& number, std::vector<std::string> cells) {
  if (mode_ == OutputMode::json) return print_out(json + '\n');
  if (mode_ == OutputMode::quiet) return print_out(number + '\n');
  rows_.push_back(std::move(cells));
}

void Listing::finish(std::string const& none) const {
  if (mode_ != OutputMode::text) return;
  if (rows_.size() == 1) return print_out(none + '\n');
  TextTable table{rows_.front(), true};
  for (auto row = rows_.begin() + 1; row != rows_.end(); ++row) table.add(*row);
  print_out(table.text());
}

}  // namespace farm::detail
