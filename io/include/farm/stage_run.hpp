#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// Ownership of the files of staged arrays.
namespace farm {
namespace detail {
class FileKeepers;
}

/// The directory of one run: `<stage directory>/farm-<host>-<pid>-<random>`, mode 0700. Only the process that
/// constructed the object creates and removes the directory. That process holds a lock (flock) on the file `lock` in
/// the directory for as long as it lives. On a file system without locks it holds none; then later runs remove nothing.
class StageRun {
 public:
  /// Parameters of the constructor.
  struct Options {
    /// The parent directory, which must exist. Empty: the result of find_stage_directory().
    std::filesystem::path stage_directory{};
    /// If true, neither files nor the directory are removed, and the destructor prints one line to stderr that says
    /// so. FARM_KEEP_STAGE=1 has the same effect.
    bool keep = false;
  };

  /// Creates the directory with default options.
  StageRun() : StageRun(Options{}) {}
  /// Creates the directory. Also removes the directories of earlier runs of this user on this host that ended without
  /// removing theirs. Removes nothing else. Throws StageError if the directory cannot be created.
  explicit StageRun(Options const& options);
  /// Removes the directory and everything in it. Afterwards the arrays in it can no longer be read, but mapped elements
  /// stay valid.
  ~StageRun();
  StageRun(StageRun const&) = delete;
  StageRun& operator=(StageRun const&) = delete;

  /// Returns the absolute path of the run's directory.
  [[nodiscard]] std::filesystem::path const& directory() const noexcept { return directory_; }

  /// Removes what the destructor would remove. For a process that exits without running destructors. Does nothing in a
  /// forked child. Thread-safe.
  void remove_files() const noexcept;

  /// Records files outside the directory that a later run shall remove if this process is killed. A file that has been
  /// changed or replaced since is not removed. Paths that do not exist are ignored.
  void removes_if_killed(std::vector<std::string> const& paths) const;

  /// Returns a keeper of the file: the file is removed when the last copy of the keeper is destroyed. All calls with
  /// the same path share one keeper. Returns null if the run keeps its files. Thread-safe. The keeper may outlive this
  /// object.
  [[nodiscard]] std::shared_ptr<void> adopt(std::filesystem::path const& path);

  /// Cleans up after a group of ranks that has ended: removes the group's unfinished files and the files of `tasks`,
  /// which the group has not answered. Files that have a keeper stay.
  void clear(std::uint64_t group, std::vector<std::uint64_t> const& tasks) noexcept;

 private:
  std::filesystem::path directory_;
  int lock_ = -1;
  bool keep_ = false;
  int owner_ = 0;
  std::shared_ptr<detail::FileKeepers> files_;
};

/// Sets the run of this process; null for none. The caller keeps ownership, and the run must outlive its use here. From
/// now on, handles in this process keep the files of arrays in the run's directory. Thread-safe.
void set_stage_run(StageRun* run) noexcept;
/// Returns the run of this process; null if there is none. Thread-safe.
[[nodiscard]] StageRun* current_stage_run() noexcept;

/// Sets the directory in which this process stages arrays if it has no StageRun. On ranks, it is the directory of the
/// master's run. Thread-safe.
void set_stage_directory(std::filesystem::path directory);

namespace detail {

/// Returns the directory of this process's StageRun, else the one given to set_stage_directory(); empty if there is
/// neither. Thread-safe.
[[nodiscard]] std::filesystem::path default_stage_directory();

/// Returns the keeper of a staged file. Null if the file is not in the directory of this process's StageRun.
/// Thread-safe.
[[nodiscard]] std::shared_ptr<void> find_keeper(std::string const& file);

}  // namespace detail
}  // namespace farm
