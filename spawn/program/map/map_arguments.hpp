#pragma once

#include "spawn/program/input/input_source.hpp"
#include "spawn/program/pool_arguments.hpp"

#include <farm/options.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace farm::detail {

/// The command line of `map`.
struct MapArguments {
  std::string task{};
  InputArguments inputs{};
  PoolArguments pool{};
  TaskOptions task_options{};
  int chunksize = 1;
  int max_losses = 3;
  std::size_t max_fails = 0;  ///< 0: no limit
  bool reruns_after_exit = false;
  std::vector<std::string> environment{};  ///< NAME=VALUE
  std::string working_directory{};
  std::string logs{};
  std::string output{};
  std::string gather{};                                         ///< FILE:DATASET
  std::chrono::nanoseconds progress{std::chrono::seconds{30}};  ///< from one line to the next
  bool tags = false;
  bool unordered = false;
  bool json = false;
  bool dry_run = false;
  bool quiet = false;
  bool drains = false;
  bool shows_values = true;  ///< false: without --json and --output, nothing is printed for a task that is done

  /// Adds the options to the command `map`.
  void add_to(CLI::App& app);
  /// Adds the options that `run` has, too.
  void add_common_to(CLI::App& app);
  /// Returns how many inputs one task computes. More than one only if a task has one rank, runs once, and has no tags.
  [[nodiscard]] std::size_t inputs_per_task() const;
  /// Returns the options of the pool. Makes the directory of --logs. Needs the Runtime. Throws std::system_error.
  [[nodiscard]] MPISpawnPool::Options pool_options() const;
};

}  // namespace farm::detail
