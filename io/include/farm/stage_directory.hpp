#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

/// Where large arrays are kept: a directory that all hosts of a farm share.
namespace farm {

struct StageDirectory {
  std::filesystem::path path;
  std::string origin;  ///< what named it, for people: "FARM_STAGE_DIR"
};

/// `option` where it is not empty, else FARM_STAGE_DIR, else TMPDIR, else /tmp. Looks at the environment only.
[[nodiscard]] StageDirectory find_stage_directory(std::string const& option = {});

/// Empty where files can be made, written and removed in `directory`, which this tries; else why not, in words.
[[nodiscard]] std::string why_unusable(std::filesystem::path const& directory);

/// The kind of its file system: "tmpfs", "nfs", ..., or its number where unknown. Empty where there is no such
/// directory.
[[nodiscard]] std::string file_system_of(std::filesystem::path const& directory);

/// True for file systems that are in memory or on a disk of this host: other hosts do not see them.
[[nodiscard]] bool is_local_file_system(std::string const& name);

/// For whoever may write there. 0 where there is no such directory.
[[nodiscard]] std::uint64_t free_bytes(std::filesystem::path const& directory);

}  // namespace farm
