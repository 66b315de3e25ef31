#pragma once

#include <string>

namespace farm::detail {

/// Throws SpawnError if ranks on this host cannot change to the directory. An empty path is the present directory.
void check_directory(std::string const& path);

/// Changes the working directory of this process. Does nothing if the path is empty. Throws SpawnError.
void change_directory(std::string const& path);

}  // namespace farm::detail
