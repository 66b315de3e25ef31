#include "spawn/cache/cached_arrays.hpp"

#include "core/base/descriptor.hpp"
#include "io/hdf5/error_site.hpp"
#include "spawn/cache/array_digest.hpp"

#include <farm/detail/array_info.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <random>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = std::size_t{1} << 20U;

struct CopiedFile {
  std::uint64_t bytes = 0;
  WideHash hash{};
};

/// Reads a file to its end and hashes it; writes all to `copy` unless that is null.
CopiedFile read_all(fs::path const& path, int file, Descriptor const* copy, fs::path const& copy_path) {
  std::vector<char> buffer(piece_bytes);
  CopiedFile result;
  Hash hash;
  for (;;) {
    auto const got = read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error({path.string()}, "cannot be read", errno);
    if (got == 0) break;
    hash.add(buffer.data(), static_cast<std::size_t>(got));
    result.bytes += static_cast<std::uint64_t>(got);
    for (ssize_t written = 0; copy != nullptr && written < got;) {
      auto const now = write(copy->get(), buffer.data() + written, static_cast<std::size_t>(got - written));
      if (now < 0 && errno == EINTR) continue;
      if (now < 0) throw system_error({copy_path.string()}, "cannot be written", errno);
      written += now;
    }
  }
  result.hash = hash.take_wide();
  return result;
}

/// Makes `to` a file with the content of `from`: another name of it; else one that shares its blocks, or a copy. Reads
/// all of it. Throws StageError; then `to` does not exist.
CopiedFile link_or_copy(fs::path const& from, fs::path const& to) {
  Descriptor const source{open(from.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!source) throw system_error({from.string()}, "cannot be opened", errno);
  bool const is_linked = link(from.c_str(), to.c_str()) == 0;
  Descriptor const copy{is_linked ? -1 : open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!is_linked && !copy) throw system_error({to.string()}, "cannot be created", errno);
  try {
    bool const has_content = is_linked || ioctl(copy.get(), FICLONE, source.get()) == 0;
    return read_all(from, source.get(), has_content ? nullptr : &copy, to);
  } catch (...) {
    unlink(to.c_str());
    throw;
  }
}

fs::path directory_of_entry(CacheDirectory const& cache, CacheKey const& key) { return cache.entry(key).parent_path(); }

/// Returns a new path for an array in the directory of this run's stage.
fs::path name_in_stage(StageRun const& run) {
  static std::atomic<std::uint64_t> count{0};
  return run.directory() / fmt::format("cached-{}-{}-{:08x}.h5", getpid(), ++count, std::random_device{}());
}

/// Returns the array of the entry as it is to be used now, and the keeper of its file.
std::pair<ArrayInfo, std::shared_ptr<void>> place(fs::path const& directory, EntryArray const& array, ArrayInfo info) {
  auto const source = directory / array.file;
  std::error_code error;
  if (!fs::exists(source, error)) throw DamagedEntry(fmt::format("the file {} of its array is missing", array.file));
  auto* const run = current_stage_run();
  auto const path = run != nullptr ? name_in_stage(*run) : source;
  CopiedFile found;
  if (run != nullptr) {
    found = link_or_copy(source, path);
  } else {
    Descriptor const file{open(source.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) throw system_error({source.string()}, "cannot be opened", errno);
    found = read_all(source, file.get(), nullptr, {});
  }
  info.file = path.string();
  auto keeper = run != nullptr ? run->adopt(path) : nullptr;  // removes the file if this one goes
  if (found.bytes != array.file_bytes || found.hash != array.hash)
    throw DamagedEntry(fmt::format("the checksum of the file {} of its array is wrong", array.file));
  return {std::move(info), std::move(keeper)};
}

/// Throws DamagedEntry unless the file of an array that is not the cache's has the elements that it had.
void check_unchanged(EntryArray const& array, ArrayInfo const& info) {
  bool is_same = false;
  try {
    is_same = digest_of(info) == array.hash;
  } catch (StageError const& error) {
    throw DamagedEntry(error.what());
  }
  if (!is_same) throw DamagedEntry(fmt::format("{}, to which it refers, has changed", info.file));
}

}  // namespace

void keep_arrays(CacheDirectory const& cache, CacheKey const& key, ResultEntry& entry,
                 std::vector<std::vector<HandleRange>> const& handles) {
  auto& header = entry.header;
  try {
    for (std::size_t i = 0; i < entry.values.size(); ++i) {
      for (auto const& range : handles.at(i)) {
        auto const info =
            unpack<ArrayInfo>(std::string_view{entry.values[i]}.substr(range.begin, range.end - range.begin));
        if (info.extents.empty() || info.file.empty()) continue;
        EntryArray array{.value = static_cast<std::uint32_t>(i), .begin = range.begin, .end = range.end};
        if (info.staged) {
          auto const path = cache.new_file(key, ".h5");
          auto const file = link_or_copy(info.file, path);
          array.file = path.filename().string();
          array.file_bytes = file.bytes;
          array.hash = file.hash;
        } else {
          array.hash = digest_of(info);
        }
        header.arrays.push_back(std::move(array));
      }
    }
  } catch (...) {
    remove_arrays(cache, key, header);
    throw;
  }
}

void remove_arrays(CacheDirectory const& cache, CacheKey const& key, EntryHeader const& header) noexcept try {
  for (auto const& array : header.arrays) {
    if (!array.file.empty()) unlink((directory_of_entry(cache, key) / array.file).c_str());
  }
} catch (std::exception const&) {
  // out of memory: `farm cache clear` removes them
}

Keepers place_arrays(CacheDirectory const& cache, CacheKey const& key, ResultEntry& entry) {
  Keepers keepers;
  auto const directory = directory_of_entry(cache, key);
  std::vector<Bytes> values(entry.values.size());
  std::vector<std::size_t> taken(entry.values.size());  // bytes of the old values that the new ones have
  for (auto const& array : entry.header.arrays) {
    auto const& old = entry.values.at(array.value);
    auto& value = values[array.value];
    auto& from = taken[array.value];
    value.append(old, from, array.begin - from);
    from = array.end;
    auto const packed = std::string_view{old}.substr(array.begin, array.end - array.begin);
    auto info = unpack<ArrayInfo>(packed);
    if (array.file.empty()) {
      check_unchanged(array, info);
      value.append(packed);
      continue;
    }
    auto [placed, keeper] = place(directory, array, std::move(info));
    pack_into(value, placed);
    if (keeper != nullptr) keepers.push_back(std::move(keeper));
  }
  for (std::size_t i = 0; i < values.size(); ++i) values[i].append(entry.values[i], taken[i]);
  entry.values = std::move(values);
  return keepers;
}

}  // namespace farm::detail
