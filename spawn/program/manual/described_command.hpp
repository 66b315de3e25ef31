#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace farm::detail {

/// An option of a command.
struct DescribedOption {
  std::vector<std::string> names{};  ///< with their dashes: "-h", "--help"
  std::string value{};               ///< what it takes, as "FILE"; empty: nothing
  std::string text{};
};

/// A command of the program, as the definition of the command line describes it.
struct DescribedCommand {
  std::string name{};
  std::string text{};
  std::vector<std::string> words{};  ///< what it takes besides options: "TASK"
  std::vector<DescribedOption> options{};
  std::string footer{};
};

/// Returns all commands of a program.
[[nodiscard]] std::vector<DescribedCommand> described_commands(CLI::App& program);

}  // namespace farm::detail
