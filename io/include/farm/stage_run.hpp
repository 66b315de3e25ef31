#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// Who owns the files of staged arrays.
namespace farm {
namespace detail {
class StagedFiles;
}

/// The directory of one run: `<stage directory>/farm-<host>-<pid>-<random>`, mode 0700, which only this process makes
/// and removes. A file `lock` in it is locked (flock) for as long as the process lives.
class StageRun {
 public:
  struct Options {
    std::filesystem::path stage_directory{};  ///< must exist; empty: as find_stage_directory() says
    /// Nothing is removed, neither files nor the directory, which one line on stderr tells. FARM_KEEP_STAGE=1 does the
    /// same.
    bool keep = false;
  };

  StageRun() : StageRun(Options{}) {}
  /// Also removes what runs of this user on this host have left behind that ended without doing so, and nothing else.
  /// Throws StageError where the directory cannot be made.
  explicit StageRun(Options const& options);
  /// Removes the directory and all that is in it. Arrays in it can no longer be read, but those that are mapped can.
  ~StageRun();
  StageRun(StageRun const&) = delete;
  StageRun& operator=(StageRun const&) = delete;

  [[nodiscard]] std::filesystem::path const& directory() const noexcept { return directory_; }

  /// Removes what the destructor would, for a process that ends without it. Thread-safe.
  void remove_files() const noexcept;

  /// These files of others are removed by a later run where this one ends without the destructor, unless they were
  /// changed or made anew since.
  void removes_if_killed(std::vector<std::string> const& paths) const;

  /// The file is removed when the last copy of the result goes; all adoptions of a path share one. Thread-safe. The
  /// result may outlive this object.
  [[nodiscard]] std::shared_ptr<void> adopt(std::filesystem::path const& path);

  /// Removes what a group of ranks, which has ended, has left half-written, and the files of these tasks of it, which
  /// it has not answered. Those that have a keeper stay.
  void clear(std::uint64_t group, std::vector<std::uint64_t> const& tasks) noexcept;

 private:
  std::filesystem::path directory_;
  int lock_ = -1;
  bool keep_ = false;
  int owner_ = 0;
  std::shared_ptr<detail::StagedFiles> files_;
};

/// The run of this process, which must outlive its being so; null: none. Arrays whose files lie in its directory are
/// kept by handles of this process, from the first handle on. Thread-safe.
void set_stage_run(StageRun* run) noexcept;
[[nodiscard]] StageRun* current_stage_run() noexcept;

/// Where this process stages arrays when it has no StageRun: on ranks, the directory of the master's. Thread-safe.
void set_stage_directory(std::filesystem::path directory);

}  // namespace farm
