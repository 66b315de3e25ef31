#pragma once

#include <string>
#include <vector>

/// The exit status and output of a program.
struct Outcome {
  int status = -1;
  std::string out{};
  std::string err{};

  /// Returns the lines of the standard error that the farm printed. mpiexec adds many lines if a program fails.
  [[nodiscard]] std::vector<std::string> complaints() const;
};

/// Splits a text into its lines.
[[nodiscard]] std::vector<std::string> lines(std::string const& text);

/// Returns the records of `map --json` without what differs from run to run: of each only the input, and the result or
/// the error. Throws if a line is not JSON.
[[nodiscard]] std::string inputs_and_results(std::string const& records);

/// Runs a command in the shell, for 30 s at most.
[[nodiscard]] Outcome run(std::string const& command);

/// Runs the farm program without mpiexec.
[[nodiscard]] Outcome farm(std::string const& arguments);
/// Runs the farm program in mpiexec, as the master of `slots` - 1 ranks.
[[nodiscard]] Outcome farm_in(int slots, std::string const& arguments);
/// Returns the command that does so with any program.
[[nodiscard]] std::string in_mpiexec(int slots, std::string const& program);
