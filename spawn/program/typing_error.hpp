#pragma once

#include <CLI/CLI.hpp>

#include <stdexcept>
#include <string>

namespace farm::detail {

/// Says that the command line is wrong. The exit status is 2.
class TypingError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Returns one line that says why CLI11 could not parse the command line, with the nearest known word if there is one.
[[nodiscard]] std::string explain(CLI::App& app, CLI::ParseError const& error);

}  // namespace farm::detail
