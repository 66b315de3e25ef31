#pragma once

#include "spawn/service/client/requests.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace farm::detail {

/// How a listing is shown.
enum class OutputMode : std::uint8_t {
  text,   ///< a table
  json,   ///< a JSON object in each line
  quiet,  ///< only numbers, one in each line; or nothing
};

/// --dir, --server and --output-mode, which all commands have that speak to a server.
struct ServiceArguments {
  std::string directory{};
  std::string server{};
  OutputMode mode = OutputMode::text;

  /// Adds the options to a command.
  void add_to(CLI::App& app);
  /// Returns what asks the server. If it is started anew, requests wait for it, and a line says so. Does not connect
  /// yet.
  [[nodiscard]] Requests requests() const;
};

/// Prints a listing, row by row.
class Listing {
 public:
  /// The last column of the table is aligned to the left.
  Listing(OutputMode mode, std::vector<std::string> headings) : mode_(mode), rows_{std::move(headings)} {}

  /// Adds an item: its JSON, in one line, its number for quiet, and the cells of its row.
  void add(std::string const& json, std::string const& number, std::vector<std::string> cells);
  /// Prints the table. `none` is printed if there are no items.
  void finish(std::string const& none) const;

 private:
  OutputMode mode_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace farm::detail
