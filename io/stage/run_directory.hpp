#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// The directory of a run on the file system, and the removal of directories that dead runs have left behind.
namespace farm::detail {

/// Returns a unique name for a directory of this process: "farm-<host>-<pid>-<random>".
[[nodiscard]] std::string name_run_directory();

/// Creates a run's directory and returns the descriptor of its locked file `lock`. Throws StageError.
[[nodiscard]] int make_run_directory(std::filesystem::path const& directory);

/// Marks the directory: later runs must not remove it.
void keep_run_directory(std::filesystem::path const& directory);

/// Records files elsewhere that go with the directory if the run is killed. Ignores files that do not exist.
void record_other_files(std::filesystem::path const& directory, std::vector<std::string> const& paths);

/// Removes the directories in `stage` that dead runs of this user on this host have left behind, and the files that
/// those runs recorded.
void remove_abandoned_runs(std::filesystem::path const& stage);

}  // namespace farm::detail
