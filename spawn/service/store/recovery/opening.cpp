#include "spawn/service/store/recovery/opening.hpp"

#include "spawn/service/store/disk/acknowledged.hpp"
#include "spawn/service/store/recovery/check.hpp"
#include "spawn/service/store/recovery/kept_files.hpp"
#include "spawn/service/store/recovery/salvage.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace farm::detail {
namespace {

std::filesystem::path suspect_in(std::filesystem::path const& directory) { return directory / "queue.suspect"; }

/// Returns what would keep us from writing into the directory, for people; empty: nothing.
std::string obstacle(std::filesystem::path const& directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) return error ? error.message() : "there is no such directory";
  if (faccessat(AT_FDCWD, directory.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) == 0) return {};
  auto const reason = std::generic_category().message(errno);
  struct stat status {};
  if (stat(directory.c_str(), &status) != 0 || status.st_uid == geteuid()) return reason;
  auto const* const owner = getpwuid(status.st_uid);
  return fmt::format("{}, since it belongs to {}", reason,
                     owner == nullptr ? fmt::format("user {}", status.st_uid) : std::string{owner->pw_name});
}

bool is_there(std::filesystem::path const& directory) {
  auto const file = database_in(directory);
  return std::filesystem::exists(file) || std::filesystem::exists(log_of(file));
}

/// Makes an empty database under another name, and renames it once it is complete.
void make_database(std::filesystem::path const& directory) {
  auto const file = unfinished_in(directory);
  remove_database(file);
  try {
    Database database{file, Database::Access::create};
    make_tables(database);
    database.execute("PRAGMA journal_mode=WAL");
  } catch (StoreError const&) {
    remove_database(file);
    throw;
  }
  sync_file(file);
  rename_file(file, database_in(directory));
}

/// Makes a new database of what a damaged one still holds, and puts it in its place. Returns a line for each damage.
std::vector<std::string> recover(std::filesystem::path const& directory, std::string const& problem,
                                 std::optional<Counters> const& acknowledged) {
  auto const kept = free_name_for_damaged(directory);
  auto const file = unfinished_in(directory);
  remove_database(file);
  std::vector<std::string> lines;
  try {
    Salvage salvage{file};
    salvage.read(PageImage{database_in(directory), log_of(database_in(directory))});
    auto const lost = salvage.finish(acknowledged);
    auto const where = is_there(directory) ? fmt::format("; the damaged file is kept as {}", kept.string()) : "";
    lines.push_back(fmt::format("queue.db was damaged ({}): {}{}", problem,
                                lost.empty() ? "all of it was recovered" : "what could be read was recovered", where));
    for (auto const& loss : lost) lines.push_back(fmt::format("queue.db was damaged: {}{}", loss, where));
    salvage.note(lines);
    salvage.seal();
  } catch (DatabaseError const& error) {
    remove_database(file);
    throw StoreError{fmt::format("queue.db is damaged ({}), and cannot be recovered now: {}", problem, error.what())};
  }
  sync_file(file);
  put_in_place(directory, kept);
  return lines;
}

/// Returns what is wrong with the files, and empty if nothing is.
std::string problem_of(std::filesystem::path const& directory, AcknowledgedFile::Content const& acknowledged) {
  auto const file = database_in(directory);
  std::error_code error;
  auto const size = std::filesystem::file_size(file, error);
  if (error) return "the file has gone";
  if (size == 0) return "the file is empty";  // SQLite would take it for a new one, and delete the log
  auto const is_suspect = std::filesystem::exists(suspect_in(directory));
  try {
    Database database{file, Database::Access::write};
    database.keep_log();  // it may be all that is left of something
    database.execute("BEGIN IMMEDIATE; ROLLBACK");
    return find_damage(database, acknowledged.counters,
                       is_suspect || size < static_cast<std::uintmax_t>(checked_bytes));
  } catch (DatabaseError const& damage) {
    auto const is_writable = access(file.c_str(), W_OK) == 0;
    if (damage.says_damaged() || (damage.says_read_only() && is_writable)) return damage.message();
    throw;
  }
}

}  // namespace

void mark_suspect(std::filesystem::path const& directory) noexcept {
  try {
    std::ofstream{suspect_in(directory)} << "a damaged row was found; the next server checks all of queue.db\n";
  } catch (std::exception const&) {  // no memory
  }
}

std::vector<std::string> prepare_database(std::filesystem::path const& directory) {
  if (auto const reason = obstacle(directory); !reason.empty())
    throw StoreError{
        fmt::format("cannot keep a queue in {}: {}; choose another directory with --dir", directory.string(), reason)};
  auto lines = finish_interrupted_recovery(directory);
  auto const acknowledged = AcknowledgedFile::read(directory);
  if (!acknowledged.exists && !is_there(directory)) {
    make_database(directory);
    return lines;
  }
  if (auto const problem = problem_of(directory, acknowledged); !problem.empty()) {
    auto const found = recover(directory, problem, acknowledged.counters);
    lines.insert(lines.end(), found.begin(), found.end());
  } else if (acknowledged.exists && !acknowledged.counters) {
    lines.emplace_back(
        "queue.acknowledged was damaged: whether the last commits of queue.db are all there cannot be told");
  }
  std::error_code ignored;
  std::filesystem::remove(suspect_in(directory), ignored);
  return lines;
}

}  // namespace farm::detail
