#pragma once

#include <farm/mpi_spawn_pool.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <map>
#include <string>

/// The options that several commands have.
namespace farm::detail {

/// --source, --launcher, --hosts and --hostfile: where groups of ranks come from. --verbose: what launchers print.
struct SourceArguments {
  std::string source{};
  std::string launcher{};
  std::string hosts{};
  std::string hostfile{};
  bool verbose = false;

  /// Adds the options to a command.
  void add_to(CLI::App& app);
  /// Stores the options as settings of this process. Call it before the Runtime is made.
  void use() const;
};

/// --ranks-per-task, --max-ranks, what tasks need (--threads and so on) and hosts have (--available), --stage, --keep,
/// --trace and the options of SourceArguments. All commands that run tasks have them.
struct PoolArguments {
  SourceArguments source{};
  int ranks_per_task = 1;
  int max_ranks = 0;
  int threads = 0;
  int gpus = 0;
  std::int64_t memory = 0;
  std::map<std::string, std::int64_t> resources{};
  std::string available{};
  bool bind = true;
  std::string stage{};
  bool keep = false;
  std::string trace{};

  /// Adds the options to a command.
  void add_to(CLI::App& app);
  /// Checks the stage directory and stores the options as settings of this process. Call it before the Runtime is made.
  /// Throws StageError if the directory cannot be used.
  void use() const;
  /// Returns the options of the pool. Without --max-ranks and FARM_MAX_WORKERS the pool has room for one group at
  /// least. Needs the Runtime.
  [[nodiscard]] MPISpawnPool::Options pool_options() const;
};

}  // namespace farm::detail
