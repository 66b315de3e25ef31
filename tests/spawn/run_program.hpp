#pragma once

#include <string>
#include <vector>

struct Outcome {
  int status = -1;                  ///< exit status; 128 + signal, as in a shell
  std::string output;               ///< text on stdout
  std::string errors;               ///< text on stderr
  std::vector<std::string> left{};  ///< command lines of its processes that still run some seconds after its end
};

/// Returns true if the command has ended with this status. MPICH's mpiexec exits with all bits that are set in the
/// statuses of its ranks, and with 9 for a rank that was killed.
[[nodiscard]] inline bool ended_with(Outcome const& outcome, int status) {
#ifdef FARM_CAN_SPAWN
  return outcome.status == status;
#else
  return outcome.status == status || outcome.status == 9 || outcome.status == (status | 9);
#endif
}

/// Returns the text as one word of a shell command.
[[nodiscard]] std::string as_word(std::string const& text);

/// Runs a shell command for at most 50 s, with `environment` ("NAME=value NAME=value") before it. A variable in the
/// environment marks all processes that the command starts; those that still run after it are killed.
[[nodiscard]] Outcome run_program(std::string const& command, std::string const& environment = "");
