#include "io/stage/spare_files.hpp"

#include <farm/detail/task_stage.hpp>
#include <farm/stage_directory.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <string>
#include <system_error>
#include <vector>

#include "core/base/descriptor.hpp"
#include "io/hdf5/file_lock.hpp"

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_bytes = std::uint64_t{4} << 30U;
constexpr std::size_t most_files = 32;

fs::path spare_directory(fs::path const& directory) { return directory / "spare"; }

struct Spare {
  fs::path path;
  std::uint64_t bytes = 0;
  std::string age;  ///< compares less for an older file
};

/// Spare files are named <bytes>.<time>.<process>.<count>.
std::vector<Spare> find_spares(fs::path const& directory) {
  std::vector<Spare> spares;
  std::error_code error;
  for (fs::directory_iterator entry{spare_directory(directory), error}, end; !error && entry != end;
       entry.increment(error)) {
    auto const name = entry->path().filename().string();
    auto const dot = name.find('.');
    Spare spare{.path = entry->path(), .age = dot == std::string::npos ? std::string{} : name.substr(dot)};
    if (std::from_chars(name.data(), name.data() + name.size(), spare.bytes).ec == std::errc{})
      spares.push_back(std::move(spare));
  }
  return spares;
}

std::string name_of_spare(std::uint64_t bytes) {
  static std::atomic<unsigned> count{0};
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return fmt::format("{}.{:012}{:09}.{}.{}", bytes, now.tv_sec, now.tv_nsec, getpid(), ++count);
}

/// Removes older spare files to make room for one of so many bytes. Returns false if it does not fit in any case.
bool make_room(fs::path const& directory, std::uint64_t bytes) {
  auto spares = find_spares(directory);
  std::sort(spares.begin(), spares.end(), [](Spare const& a, Spare const& b) { return a.age < b.age; });
  std::uint64_t total = bytes;
  for (auto const& spare : spares) total += spare.bytes;
  auto const limit = std::min(most_bytes, (free_bytes(directory) + total) / 8);
  if (bytes > limit) return false;
  auto files = spares.size() + 1;
  for (auto const& spare : spares) {
    if (total <= limit && files <= most_files) break;
    unlink(spare.path.c_str());
    total -= spare.bytes;
    --files;
  }
  return true;
}

/// Locks the directory. Gives up after 0.1 s, because the process that holds the lock may have been stopped.
bool lock_in_turn(int directory) {
  constexpr int most_attempts = 500;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    auto const lock = lock_file(directory, LOCK_EX);
    if (lock != FileLock::refused) return lock == FileLock::taken;
    usleep(200);
  }
  return false;
}

enum class Outcome { spared, mapped, refused };

Outcome spare(fs::path const& file) {
  auto const directory = file.parent_path();
  Descriptor const opened{open(file.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC)};
  struct stat status {};
  if (!opened || fstat(opened.get(), &status) != 0 || !S_ISREG(status.st_mode)) return Outcome::refused;
  // a process that maps a file holds a lock on it until its last mapping is gone
  if (auto const lock = lock_file(opened.get(), LOCK_EX); lock != FileLock::taken)
    return lock == FileLock::missing ? Outcome::refused : Outcome::mapped;
  auto const bytes = static_cast<std::uint64_t>(status.st_size);
  if (bytes < smallest_spare || status.st_nlink != 1) return Outcome::refused;
  if (!is_local_file_system(file_system_of(directory)) || !make_room(directory, bytes)) return Outcome::refused;
  std::error_code ignored;
  fs::create_directory(spare_directory(directory), ignored);
  auto const as = spare_directory(directory) / name_of_spare(bytes);
  return rename(file.c_str(), as.c_str()) == 0 ? Outcome::spared : Outcome::refused;
}

}  // namespace

void retire_file(fs::path const& file) noexcept try {
  if (spare(file) != Outcome::spared) unlink(file.c_str());
} catch (std::exception const&) {
  unlink(file.c_str());
}

void retire_unless_mapped(fs::path const& file) noexcept try {
  if (spare(file) == Outcome::refused) unlink(file.c_str());
} catch (std::exception const&) {
  unlink(file.c_str());
}

bool take_spare(fs::path const& directory, std::uint64_t bytes, fs::path const& as) noexcept try {
  if (bytes < smallest_spare) return false;
  // One process after the other, so that each finds the file `as` that a faster one has made, and the spare files that
  // a slower one gives back. Without the lock it might find neither.
  Descriptor const turn{open(spare_directory(directory).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!turn || !lock_in_turn(turn.get()) || access(as.c_str(), F_OK) == 0) return false;
  auto spares = find_spares(directory);
  std::erase_if(spares, [&](Spare const& spare) { return spare.bytes < bytes || spare.bytes / 2 > bytes; });
  // Best fit first; among equals the youngest, since its pages are the least likely to have been evicted.
  std::sort(spares.begin(), spares.end(),
            [](Spare const& a, Spare const& b) { return a.bytes != b.bytes ? a.bytes < b.bytes : a.age > b.age; });
  static std::atomic<unsigned> count{0};
  for (auto const& spare : spares) {
    auto const claim = directory / fmt::format(".{}claim-{}-{}.part", TaskStage::prefix(), getpid(), ++count);
    if (rename(spare.path.c_str(), claim.c_str()) != 0) continue;  // another process has taken it
    Descriptor const file{open(claim.c_str(), O_RDWR | O_CLOEXEC)};
    bool const free = file && flock(file.get(), LOCK_EX | LOCK_NB) == 0 && flock(file.get(), LOCK_UN) == 0;
    bool const named = free && link(claim.c_str(), as.c_str()) == 0;
    if (named || !free || rename(claim.c_str(), spare.path.c_str()) != 0) unlink(claim.c_str());
    if (named) return true;
    if (free) return false;  // a file called `as` exists
  }
  return false;
} catch (std::exception const&) {
  return false;
}

bool drop_spares(fs::path const& directory) noexcept try {
  auto const spares = find_spares(directory);
  for (auto const& spare : spares) unlink(spare.path.c_str());
  return !spares.empty();
} catch (std::exception const&) {
  return false;
}

}  // namespace farm::detail
