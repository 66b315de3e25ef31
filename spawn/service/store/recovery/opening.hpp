#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace farm::detail {

/// Makes sure that the state directory has a database that is whole: makes one, or checks the one that is there, and
/// recovers it if it is damaged. The damaged files are kept as "queue.db.damaged-TIME" and "-wal". Whenever this is
/// interrupted, the next call does what is left. Returns a line for each damage. Throws StoreError if the directory
/// cannot hold a database, or if there is one that this farm must not touch. For the server's start, before any
/// connection.
std::vector<std::string> prepare_database(std::filesystem::path const& directory);

/// Notes that a row was found damaged while it was read: the next prepare_database() checks all of the database.
void mark_suspect(std::filesystem::path const& directory) noexcept;

}  // namespace farm::detail
