#pragma once

#include <filesystem>
#include <string>

/// Paths of users. A path means what the kernel says: `link/..` is the parent of the link's target, so ".." must not be
/// removed from a path.
namespace farm::detail {

/// Returns the path, preceded by the working directory if it is relative. Throws UsageError if the path is empty.
[[nodiscard]] std::string absolute_path(std::filesystem::path const& path);

/// Returns the path of the file that a program would create with this path. If the path is a symbolic link whose target
/// does not exist, that is the target. Throws StageError if links lead in a circle.
[[nodiscard]] std::string path_to_create(std::string const& path);

/// Returns "<before><name><after>" as the name of a file. If the result would be too long for a file system, a hash
/// replaces the end of `name`.
[[nodiscard]] std::string file_name(std::string const& before, std::string const& name, std::string const& after);

}  // namespace farm::detail
