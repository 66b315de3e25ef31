#pragma once

#include "spawn/service/store/disk/acknowledged.hpp"
#include "spawn/service/store/runs.hpp"
#include "spawn/service/store/stored.hpp"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace farm::detail {

/// What is written into the database, in transactions. One thread uses it. Functions throw DatabaseError if the disk
/// does not permit it; then roll_back() must follow. Those that return a text say why they do nothing; empty: done.
class StoreTables {
 public:
  explicit StoreTables(std::filesystem::path const& directory);

  void begin();
  /// Writes all to the disk, and then counts the commit as acknowledged.
  void commit();
  void roll_back() noexcept;

  [[nodiscard]] std::string add_job(StoredJob const& job, std::vector<TaskSpec> const& tasks);
  /// Ends of jobs that there are not, or not any more, are dropped.
  void add_ends(std::vector<TaskEnd> const& ends);
  [[nodiscard]] std::string change(JobChange const& change);
  void add_group(StoredGroup const& group);
  void remove_group(std::uint64_t group);

  /// Merges runs of jobs that have as many small ones as `waiting`, in a transaction of its own, for a tenth of a
  /// second or so. Returns false if there was nothing to do.
  bool merge(std::size_t waiting);
  /// Copies the write-ahead log into the database once it is long, and gives room of forgotten jobs back to the file
  /// system bit by bit. Returns false if there was nothing to do. `idle`: there is time for more of it.
  bool tidy(bool idle);

  [[nodiscard]] Counters const& counters() const { return counters_; }

 private:
  /// A job that transactions have dealt with since the store was opened.
  struct Job {
    EndLines lines{};  ///< of the open transaction
    std::vector<Run> runs{};
  };
  void write_inputs(std::int64_t job, std::vector<TaskSpec> const& tasks, bool listed);
  void write_ends();
  void forget(std::int64_t job);
  [[nodiscard]] std::int64_t hosts_key(std::string const& names);
  /// Returns null if there is no such job.
  Job* find_job(std::int64_t number);

  Database database_;
  AcknowledgedFile acknowledged_;
  Statement insert_input_;
  Statement insert_end_;
  Statement insert_hosts_;
  Statement select_counters_;
  Statement update_counters_;
  Statement find_job_;
  Counters counters_{};
  std::map<std::int64_t, Job> jobs_{};
  std::set<std::int64_t> grown_{};  // jobs whose runs may have to be merged
  std::map<std::string, std::int64_t> hosts_{};
};

}  // namespace farm::detail
