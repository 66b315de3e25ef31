#pragma once

#include <filesystem>
#include <string>

namespace farm::detail {

/// The names of files in the state directory; spawn/service/README.md has their table.
inline constexpr auto socket_file = "server.sock";
inline constexpr auto server_file = "server.json";
inline constexpr auto token_file = "token";

/// Returns the state directory: `option` (that of --dir) if it is not empty, else FARM_DIR, else $XDG_STATE_HOME/farm,
/// else ~/.local/state/farm. The path is absolute. Does not make the directory. Throws UsageError if there is no home
/// directory.
[[nodiscard]] std::filesystem::path state_directory(std::string const& option = {});

/// Returns "farm serve --dir DIR", as a user can paste it; without --dir if clients find the directory without it.
[[nodiscard]] std::string serve_command(std::filesystem::path const& directory);

}  // namespace farm::detail
