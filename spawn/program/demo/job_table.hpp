#pragma once

#include <farm/detail/engine.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace farm {
class MPISpawnPool;
}

namespace farm::demo {

/// A table of the jobs that ran on a pool: tasks, groups and time of each.
class JobTable {
 public:
  /// Starts the clock of the first job. The pool must outlive the table.
  explicit JobTable(MPISpawnPool const& pool);

  /// Adds a row for what the pool has done since the last call, or since construction.
  void end_job(std::string name);

  /// Returns the table, with a last row for all jobs together.
  [[nodiscard]] std::string text() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Row {
    std::string name;
    std::uint64_t tasks = 0;
    std::uint64_t groups = 0;  ///< that were alive for this job
    int ranks = 0;
    double seconds = 0;
    double busy = 0;  ///< of all ranks together, in seconds
  };
  static std::string line(Row const& row);

  MPISpawnPool const& pool_;
  Statistics before_{};
  Clock::time_point began_ = Clock::now();
  std::vector<Row> rows_;
};

}  // namespace farm::demo
