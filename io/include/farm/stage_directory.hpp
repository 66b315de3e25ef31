#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

/// The stage directory: where large arrays lie. All hosts of a farm must share it. The functions here ask only the
/// environment and the file system; any process may call them.
namespace farm {

/// A stage directory and why it was chosen.
struct StageDirectory {
  std::filesystem::path path;  ///< the directory; need not exist
  std::string origin;          ///< what named it, for messages: "FARM_STAGE_DIR"
};

/// Returns `option` unless it is empty, else FARM_STAGE_DIR, else TMPDIR, else /tmp. Does not touch the file system.
[[nodiscard]] StageDirectory find_stage_directory(std::string const& option = {});

/// Tries to create, write and remove a file in `directory`. Returns an empty string on success, else the reason as
/// text. Blocks for the duration of one fsync.
[[nodiscard]] std::string why_unusable(std::filesystem::path const& directory);

/// Returns the kind of the directory's file system: "tmpfs", "nfs", ..., or its magic number if unknown. Returns an
/// empty string if the directory does not exist.
[[nodiscard]] std::string file_system_of(std::filesystem::path const& directory);

/// Returns true for file systems in memory or on a local disk, which other hosts do not see. `name` is a result of
/// file_system_of().
[[nodiscard]] bool is_local_file_system(std::string const& name);

/// Returns the number of bytes that an ordinary user may still write there; 0 if the directory does not exist.
[[nodiscard]] std::uint64_t free_bytes(std::filesystem::path const& directory);

}  // namespace farm
