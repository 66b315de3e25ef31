#include "spawn/service/store/recovery/kept_files.hpp"

#include "spawn/service/store/disk/database.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace farm::detail {
namespace {

constexpr std::string_view damaged_begin = "queue.db.damaged-";
constexpr std::string_view recovered_end = ".recovered";

std::filesystem::path with_suffix(std::filesystem::path file, std::string const& suffix) { return file += suffix; }

[[noreturn]] void fail(std::string const& doing, std::filesystem::path const& file, int system) {
  throw StoreError{fmt::format("cannot {} {}: {}", doing, file.string(), std::generic_category().message(system))};
}

void move_away(std::filesystem::path const& directory, std::filesystem::path const& kept) {
  auto const file = database_in(directory);
  if (std::filesystem::exists(log_of(file))) rename_file(log_of(file), log_of(kept));
  if (std::filesystem::exists(file)) rename_file(file, kept);
  remove_database(file);
  rename_file(with_suffix(kept, std::string{recovered_end}), file);
}

}  // namespace

std::filesystem::path database_in(std::filesystem::path const& directory) { return directory / "queue.db"; }

std::filesystem::path unfinished_in(std::filesystem::path const& directory) { return directory / "queue.db.new"; }

std::filesystem::path log_of(std::filesystem::path const& database) { return with_suffix(database, "-wal"); }

std::filesystem::path free_name_for_damaged(std::filesystem::path const& directory) {
  auto const name = fmt::format("{}{:%Y%m%dT%H%M%S}", damaged_begin, fmt::gmtime(std::time(nullptr)));
  auto kept = directory / name;
  for (int i = 2; std::filesystem::exists(kept) || std::filesystem::exists(log_of(kept)); ++i)
    kept = directory / fmt::format("{}-{}", name, i);
  return kept;
}

void remove_database(std::filesystem::path const& database) {
  for (auto const* const suffix : {"", "-wal", "-shm", "-journal"}) {
    std::error_code error;
    auto const file = with_suffix(database, suffix);
    std::filesystem::remove(file, error);
    if (error) fail("remove", file, error.value());
  }
}

void sync_file(std::filesystem::path const& file) {
  auto const descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail("open", file, errno);
  auto const status = ::fsync(descriptor);
  auto const error = errno;
  ::close(descriptor);
  if (status != 0) fail("write", file, error);
}

void rename_file(std::filesystem::path const& from, std::filesystem::path const& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error) fail("rename", from, error.value());
  sync_file(to.parent_path());
}

void put_in_place(std::filesystem::path const& directory, std::filesystem::path const& kept) {
  rename_file(unfinished_in(directory), with_suffix(kept, std::string{recovered_end}));
  move_away(directory, kept);
}

std::vector<std::string> finish_interrupted_recovery(std::filesystem::path const& directory) {
  std::filesystem::path recovered;
  for (auto const& entry : std::filesystem::directory_iterator{directory}) {
    auto const name = entry.path().filename().string();
    if (name.starts_with(damaged_begin) && name.ends_with(recovered_end)) recovered = entry.path();
  }
  if (recovered.empty()) return {};
  std::vector<std::string> lines;
  {
    Database database{recovered, Database::Access::write};
    Statement statement{database, "SELECT line FROM damage WHERE found = (SELECT max(found) FROM damage) ORDER BY id"};
    auto rows = statement.rows();
    while (rows.next()) lines.emplace_back(rows.text(0));
  }
  auto const name = recovered.string();
  move_away(directory, name.substr(0, name.size() - recovered_end.size()));
  return lines;
}

}  // namespace farm::detail
