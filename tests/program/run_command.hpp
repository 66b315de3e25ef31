#pragma once

#include <string>
#include <vector>

/// Runs programs as a user does.
struct Outcome {
  int status = -1;
  std::string out{};
  std::string err{};

  /// Lines of the standard error that are the farm's own: mpiexec adds many when a program ends with a status.
  [[nodiscard]] std::vector<std::string> complaints() const;
};

[[nodiscard]] std::vector<std::string> lines(std::string const& text);

/// By the shell, for half a minute at most.
[[nodiscard]] Outcome run(std::string const& command);

/// The farm program by itself, or as the master of `slots` - 1 ranks.
[[nodiscard]] Outcome farm(std::string const& arguments);
[[nodiscard]] Outcome farm_in(int slots, std::string const& arguments);
[[nodiscard]] std::string in_mpiexec(int slots, std::string const& program);
