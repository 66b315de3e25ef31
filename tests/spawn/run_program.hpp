#pragma once

#include <string>
#include <vector>

struct Outcome {
  int status = -1;                  ///< exit status; 128 + signal, as in a shell
  std::string output;               ///< text on stdout
  std::string errors;               ///< text on stderr
  std::vector<std::string> left{};  ///< command lines of its processes that still run some seconds after its end
};

/// Runs a shell command for at most 50 s, with `environment` ("NAME=value NAME=value") before it. A variable in the
/// environment marks all processes that the command starts; those that still run after it are killed.
[[nodiscard]] Outcome run_program(std::string const& command, std::string const& environment = "");
