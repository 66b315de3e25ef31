#include "io/stage/run_directory.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <random>
#include <regex>
#include <string_view>
#include <system_error>

#include "core/base/descriptor.hpp"
#include "core/base/host_name.hpp"
#include "io/hdf5/error_site.hpp"
#include "io/hdf5/file_lock.hpp"

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

constexpr char const* lock_name = "lock";
constexpr char const* keep_name = "keep";
constexpr char const* others_name = "others";  // a list: inode, time of the last change, path

std::string run_prefix() { return fmt::format("farm-{}-", host_name()); }

bool is_name_of_run(std::string_view name) {
  auto const prefix = run_prefix();
  static std::regex const rest{"[0-9]+-[0-9a-f]{16}"};
  return name.starts_with(prefix) && std::regex_match(name.begin() + prefix.size(), name.end(), rest);
}

/// Returns true for a directory of this user; false for a symbolic link.
bool is_ours(fs::path const& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

/// Returns text that distinguishes the file from a later one of the same name; empty if no such file of this user
/// exists.
std::string identity(std::string const& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid()) return {};
  return fmt::format("{} {}.{}", status.st_ino, status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

void remove_other_files(fs::path const& list) {
  std::ifstream file{list};
  for (std::string inode, time, path; file >> inode >> time && std::getline(file >> std::ws, path);) {
    if (identity(path) == fmt::format("{} {}", inode, time)) unlink(path.c_str());
  }
}

/// Removes the directory unless a process holds its lock. Removes the lock last, so that a later run recognizes and
/// finishes an interrupted removal.
void remove_if_abandoned(fs::path const& directory) {
  Descriptor const lock{open((directory / lock_name).c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!lock && errno != ENOENT) return;
  // Without locks nothing tells whether a process still uses the directory, so it stays.
  if (lock && lock_file(lock.get(), LOCK_EX) != FileLock::taken) return;
  std::error_code error;
  remove_other_files(directory / others_name);
  if (fs::exists(directory / keep_name, error)) return;
  for (fs::directory_iterator entry{directory, error}, end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().filename() != lock_name) fs::remove_all(entry->path(), ignored);
  }
  fs::remove_all(directory, error);
}

}  // namespace

std::string name_run_directory() {
  std::random_device random;
  return fmt::format("{}{}-{:08x}{:08x}", run_prefix(), getpid(), random(), random());
}

int make_run_directory(fs::path const& directory) {
  // Another process would take a directory of this name without a lock for abandoned. So the directory gets its name
  // only when it is locked.
  auto const unlocked = directory.parent_path() / fmt::format(".{}", directory.filename().string());
  if (mkdir(unlocked.c_str(), 0700) != 0) throw system_error({directory.string()}, "cannot be created", errno);
  Descriptor lock{open((unlocked / lock_name).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (lock && lock_file(lock.get(), LOCK_EX) != FileLock::refused && rename(unlocked.c_str(), directory.c_str()) == 0)
    return lock.release();
  int const why = errno;
  std::error_code ignored;
  fs::remove_all(unlocked, ignored);
  throw system_error({directory.string()}, "cannot be created and locked", why);
}

void keep_run_directory(fs::path const& directory) {
  Descriptor const marker{open((directory / keep_name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
}

void record_other_files(fs::path const& directory, std::vector<std::string> const& paths) {
  std::ofstream list{directory / others_name, std::ios::app};
  for (auto const& path : paths) {
    if (auto const text = identity(path); !text.empty()) list << text << ' ' << path << '\n';
  }
}

void remove_abandoned_runs(fs::path const& stage) {
  std::error_code error;
  for (fs::directory_iterator entry{stage, error}, end; !error && entry != end; entry.increment(error)) {
    auto const& path = entry->path();
    if (is_name_of_run(path.filename().native()) && is_ours(path)) remove_if_abandoned(path);
  }
}

}  // namespace farm::detail
