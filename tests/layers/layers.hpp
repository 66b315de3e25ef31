#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// Checks that the source folders keep the order that floors.txt states.
namespace layers {

/// The order of the folders, as floors.txt states it.
struct Floors {
  std::map<std::string, int> floor_of;       ///< "spawn/wire" -> its line's rank, lowest first
  std::map<std::string, std::string> owner;  ///< "spawn/pool": public header without a source -> its folder
};

/// Reads the text of floors.txt. Throws std::runtime_error if a line is not understood or a folder appears twice.
Floors read_floors(std::string_view text);

/// How many sources and headers one folder may hold.
struct Limits {
  int folder = 16;
  int public_folder = 30;  ///< include/farm and include/farm/detail
};

/// Reads all sources below root/core, root/io and root/spawn, and returns one line for each violation:
/// an include of a higher folder or of another folder on the same floor; a cycle among units; a folder with too many
/// files; a public header outside farm/detail that declares only farm::detail; whatever floors.txt does not know.
std::vector<std::string> find_violations(std::filesystem::path const& root, Floors const& floors,
                                         Limits const& limits = {});

}  // namespace layers
