#pragma once

#include <farm/detail/engine.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace farm {
class MPISpawnPool;
}

namespace farm::demo {

/// What each job of a pool has done and taken, as a table.
class JobTable {
 public:
  explicit JobTable(MPISpawnPool const& pool);

  /// All that the pool has done since the last call, or since this was made.
  void end_job(std::string name);

  /// With a line for all jobs together.
  [[nodiscard]] std::string text() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Row {
    std::string name;
    std::uint64_t tasks = 0;
    std::uint64_t groups = 0;  ///< that have served it
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
