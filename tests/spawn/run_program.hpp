#pragma once

#include <string>
#include <vector>

struct Outcome {
  int status = -1;                  ///< exit status; 128 + signal, as a shell has it
  std::string output;               ///< what it wrote to stdout
  std::string errors;               ///< and to stderr
  std::vector<std::string> left{};  ///< command lines of processes that it has left running, some seconds after its end
};

/// Runs a shell command, for 50 s at most, with `environment` ("NAME=value NAME=value") before it. The processes that
/// it starts are known by a mark in their environment; those that are left are killed.
[[nodiscard]] Outcome run_program(std::string const& command, std::string const& environment = "");
