#pragma once

#include "spawn/service/model/job.hpp"
#include "spawn/service/store/disk/store_error.hpp"
#include "spawn/service/store/stored.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// The durable queue on disk: an SQLite database. README.md has its tables.
namespace farm::detail {

/// All functions are thread-safe. What is added is written by a thread of the store, in groups; each group is one
/// transaction that is synced to the disk. Nothing here blocks for the disk, except where it says so.
///
/// If the disk is full or fails, ends and changes wait in memory, in order, until it can be written again (the store
/// tries once a second); new jobs are refused.
class Store {
 public:
  /// Called on the store's thread; `error` is empty once all is on disk, else says why it is refused. Must not throw.
  using Done = std::function<void(std::string const& error)>;

  /// Opens the database in the state directory, or makes it. Blocks. Checks it, and recovers what can be read from a
  /// damaged one; damage() then says what was found. Throws StoreError if the directory cannot hold a database (no
  /// locks, read-only, full), or the database is of a newer version.
  explicit Store(std::filesystem::path const& directory);
  /// Writes what waits, if the disk permits, and ends the thread. Blocks.
  ~Store();
  Store(Store const&) = delete;
  Store& operator=(Store const&) = delete;

  /// Returns a line for each damage that the constructor has found: what is lost, and where the damaged file is kept.
  [[nodiscard]] std::vector<std::string> const& damage() const;

  /// Returns all jobs that were not forgotten, by number. Blocks. For the server's start: call it once, before anything
  /// is added.
  [[nodiscard]] std::vector<LoadedJob> load();
  /// Returns the groups of add_group() that were not removed. Blocks.
  [[nodiscard]] std::vector<StoredGroup> load_groups();

  /// Returns the number of the next job, and counts it up.
  [[nodiscard]] std::uint64_t next_job();
  /// Adds a job with all its tasks, or nothing of it.
  void add_job(StoredJob job, std::vector<TaskSpec> tasks, Done done);
  /// Adds ends of tasks. `done` is called once all are on disk, in the order of the calls; never with an error.
  void add_ends(std::vector<TaskEnd> ends, std::function<void()> done);
  /// Changes a job. `done` is never called with an error, except for forgotten jobs.
  void change(JobChange change, Done done);
  void add_group(StoredGroup group);
  void remove_group(std::uint64_t group);
  /// Blocks until all that was added before is on disk. Returns false if the disk does not permit it within `seconds`.
  bool flush(double seconds);

  /// Returns the inputs of tasks `first` up to `first + count`, with kinds, needs and names. Blocks for the disk.
  /// Throws StoreError if they cannot be read.
  [[nodiscard]] std::vector<TaskSpec> tasks(std::uint64_t job, std::uint64_t first, std::uint64_t count) const;
  /// Returns the latest end of each of these tasks that has one, by task. Blocks for the disk. Throws StoreError.
  [[nodiscard]] std::vector<TaskEnd> ends(std::uint64_t job, std::uint64_t first, std::uint64_t count) const;
  /// Returns all ends of one task, the earliest first. Blocks for the disk. Throws StoreError.
  [[nodiscard]] std::vector<TaskEnd> history(std::uint64_t job, std::uint64_t task) const;

  [[nodiscard]] StoreHealth health() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace farm::detail
