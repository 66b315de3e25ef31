#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// The files of a database while it is made, and after it was damaged. A recovered database is first "queue.db.new";
/// once it is complete, "queue.db.damaged-TIME.recovered"; then the damaged files become "queue.db.damaged-TIME" and
/// "-wal", and the recovered one "queue.db". All throw StoreError.
namespace farm::detail {

/// Returns the path of the database in a state directory.
[[nodiscard]] std::filesystem::path database_in(std::filesystem::path const& directory);
[[nodiscard]] std::filesystem::path unfinished_in(std::filesystem::path const& directory);
/// Returns the path of the write-ahead log of a database.
[[nodiscard]] std::filesystem::path log_of(std::filesystem::path const& database);
/// Returns a name with the time, under which nothing is kept yet.
[[nodiscard]] std::filesystem::path free_name_for_damaged(std::filesystem::path const& directory);
/// Removes a database with all that belongs to it, if it is there.
void remove_database(std::filesystem::path const& database);
void rename_file(std::filesystem::path const& from, std::filesystem::path const& to);
void sync_file(std::filesystem::path const& file);

/// Keeps the damaged database under another name, and puts "queue.db.new" in its place.
void put_in_place(std::filesystem::path const& directory, std::filesystem::path const& kept);
/// Goes on where an earlier put_in_place() was interrupted. Returns the lines that it had for the user.
[[nodiscard]] std::vector<std::string> finish_interrupted_recovery(std::filesystem::path const& directory);

}  // namespace farm::detail
