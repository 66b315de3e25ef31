#include "spawn/cache/result_cache.hpp"

#include "core/base/descriptor.hpp"
#include "spawn/cache/cached_arrays.hpp"

#include <farm/detail/log.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

std::system_error last_error(fs::path const& path) {
  return std::system_error{errno, std::generic_category(), path.string()};
}

/// Writes a new file. Throws std::system_error; then there is no such file.
void write_new_file(fs::path const& path, std::string_view bytes) {
  int opened = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (opened < 0 && errno == ENOENT) {
    if (mkdir(path.parent_path().c_str(), 0777) != 0 && errno != EEXIST) throw last_error(path.parent_path());
    opened = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  Descriptor const file{opened};
  if (!file) throw last_error(path);
  while (!bytes.empty()) {
    auto const written = write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      auto const error = last_error(path);
      unlink(path.c_str());
      throw error;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Gives a complete file its final name, unless there is such a file. Returns false if there is one. The file has one
/// name afterwards, or none.
bool take_name(fs::path const& part, fs::path const& name) {
  if (link(part.c_str(), name.c_str()) == 0) {
    unlink(part.c_str());
    return true;
  }
  if (errno != EEXIST && access(name.c_str(), F_OK) != 0) {  // no hard links here: the last one wins, which is as good
    if (rename(part.c_str(), name.c_str()) == 0) return true;
    auto const error = last_error(name);
    unlink(part.c_str());
    throw error;
  }
  unlink(part.c_str());
  return false;
}

}  // namespace

std::optional<std::string> read_file_of_cache(fs::path const& path, std::size_t most) {
  Descriptor const file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file && errno == ENOENT) return std::nullopt;
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) throw last_error(path);
  std::string bytes(std::min(most, static_cast<std::size_t>(status.st_size)), '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    auto const got = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw last_error(path);
    if (got == 0) bytes.resize(done);
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

std::optional<FoundResult> ResultCache::find(CacheKey const& key, std::string_view function) noexcept try {
  auto const path = directory_.entry(key);
  EntryHeader header;
  try {
    auto const file = read_file_of_cache(path);
    if (!file) return std::nullopt;
    is_unreadable_ = false;
    auto entry = decode_entry(*file);
    header = entry.header;
    if (header.key != key.text()) throw DamagedEntry(fmt::format("it is the entry of {}", header.key));
    auto keepers = place_arrays(directory_, key, entry);
    return FoundResult{std::move(entry.values), std::move(keepers)};
  } catch (DamagedEntry const& damage) {
    log_error(fmt::format("a cached result of {} cannot be used, and is computed again: {}: {}", function,
                          path.string(), damage.what()));
    unlink(path.c_str());
    remove_arrays(directory_, key, header);
    return std::nullopt;
  }
} catch (std::exception const& error) {
  if (!is_unreadable_.exchange(true))
    log_error(fmt::format("a cached result of {} cannot be used, and is computed again: {}", function, error.what()));
  return std::nullopt;
}

std::vector<fs::path> ResultCache::add(CacheKey const& key, ResultEntry entry,
                                       std::vector<std::vector<HandleRange>> const& handles) noexcept try {
  auto const function = entry.header.function;
  try {
    entry.header.key = key.text();
    auto const name = directory_.entry(key);
    if (std::any_of(handles.begin(), handles.end(), [](auto const& ranges) { return !ranges.empty(); })) {
      if (mkdir(name.parent_path().c_str(), 0777) != 0 && errno != EEXIST) throw last_error(name.parent_path());
      keep_arrays(directory_, key, entry, handles);
    }
    std::vector<fs::path> files;
    try {
      auto const part = directory_.new_file(key, ".part");
      write_new_file(part, encode(entry));
      if (take_name(part, name)) files.push_back(name);
    } catch (...) {
      remove_arrays(directory_, key, entry.header);
      throw;
    }
    if (files.empty()) {
      remove_arrays(directory_, key, entry.header);
      return files;
    }
    for (auto const& array : entry.header.arrays) {
      if (!array.file.empty()) files.push_back(name.parent_path() / array.file);
    }
    is_reported_ = false;
    return files;
  } catch (std::exception const& error) {
    report_not_kept(function, error.what());
    return {};
  }
} catch (std::exception const&) {
  return {};  // out of memory
}

void ResultCache::report_not_kept(std::string_view function, std::string_view why) {
  if (is_reported_.exchange(true)) return;
  log_error(fmt::format("the result of {} is not kept in the cache: {}", function, why));
}

void ResultCache::sync(std::vector<fs::path> const& files) noexcept try {
  auto const sync_path = [](fs::path const& path) {
    Descriptor const file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file) static_cast<void>(fsync(file.get()));
  };
  std::set<fs::path> directories;
  for (auto const& file : files) {
    sync_path(file);
    directories.insert(file.parent_path());
  }
  for (auto const& directory : directories) sync_path(directory);
} catch (std::exception const&) {
  // out of memory: the kernel writes the files in its own time
}

}  // namespace farm::detail
