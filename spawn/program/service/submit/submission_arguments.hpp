#pragma once

#include "spawn/program/input/input_source.hpp"
#include "spawn/program/pool_arguments.hpp"
#include "spawn/service/model/job.hpp"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// The options of `submit` that say how tasks run: those of a TaskKind and of a JobSpec.
struct SubmissionArguments {
  NeedArguments needs{};
  std::string name{};
  int priority = 0;
  std::optional<double> timeout{};
  int retries = 0;
  int max_losses = 0;
  std::int64_t max_fails = 0;
  std::vector<std::string> after{};  ///< selectors of jobs
  bool cache = false;
  std::vector<std::string> environment{};
  std::string working_directory{};
  bool hold = false;
  std::string task_directory{};  ///< of programs, as all that follow
  std::string stdin_file{};
  std::string stdout_file{};
  std::string stderr_file{};
  bool no_mpi = false;

  /// Adds the options to a command.
  void add_to(CLI::App& app);
  /// Returns the job, with one kind of tasks that has neither a function nor a command yet.
  [[nodiscard]] JobSpec spec() const;
};

/// Returns the directory in which tasks run, given by `text`: absolute.
[[nodiscard]] std::string absolute_directory(std::string const& text);
/// Returns a program's name as tasks find it from anywhere: a path becomes absolute, from the directory.
[[nodiscard]] std::string program_from(std::string const& name, std::string const& directory);

}  // namespace farm::detail
