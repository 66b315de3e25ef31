#include "spawn/cache/array_digest.hpp"

#include "io/files/file_bytes.hpp"

#include <farm/detail/array_data.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <algorithm>
#include <cstddef>
#include <ctime>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace farm::detail {
namespace {

/// So many bytes are read at once. They fit in the processor's cache.
constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 20U;

/// What changes when a file changes.
struct FileState {
  std::tuple<dev_t, ino_t, off_t, time_t, long> state{};

  friend bool operator==(FileState const&, FileState const&) = default;
};

std::optional<FileState> state_of(std::string const& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileState{{status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec}};
}

/// Returns whether a file that is written once more could have the same state: the clock of a file system stands still
/// for some milliseconds, and that of another host may be late.
bool is_fresh(FileState const& state) { return std::get<3>(state.state) + 2 >= time(nullptr); }

/// What was found in files. Forgets all when it is full.
class KnownDigests {
 public:
  std::optional<WideHash> find(std::string const& name, FileState const& state) {
    std::scoped_lock const lock{mutex_};
    auto const found = known_.find(name);
    if (found == known_.end() || found->second.first != state) return std::nullopt;
    return found->second.second;
  }
  void add(std::string const& name, FileState const& state, WideHash const& digest) {
    std::scoped_lock const lock{mutex_};
    if (known_.size() >= most) known_.clear();
    known_[name] = {state, digest};
  }

 private:
  static constexpr std::size_t most = 10'000;
  std::mutex mutex_{};
  std::map<std::string, std::pair<FileState, WideHash>> known_{};
};

KnownDigests& known_digests() {
  static auto& known = *new KnownDigests;  // never destroyed: threads may still use it at the end
  return known;
}

/// Returns the file whose state tells whether the elements have changed; empty if there is none: HDF5 may read other
/// files too.
std::string telling_file(ArrayInfo const& info) {
  if (info.data_offset == 0) return {};
  return info.data_file.empty() ? info.file : info.data_file;
}

std::uint64_t bytes_of(ArrayInfo const& info) { return element_count(info.extents) * element_size(info.type); }

WideHash hash_of_file(ArrayInfo const& info, std::string const& file) {
  auto const bytes = bytes_of(info);
  std::vector<char> buffer(std::min(bytes, piece_bytes));
  FileReader const reader{{file, info.dataset}, info.data_offset, bytes};
  Hash hash;
  for (std::uint64_t done = 0; done < bytes;) {
    auto const size = std::min<std::uint64_t>(bytes - done, buffer.size());
    reader.read(info.data_offset + done, size, buffer.data());
    hash.add(buffer.data(), size);
    done += size;
  }
  return hash.take_wide();
}

/// Reads by HDF5, some rows at a time.
WideHash hash_of_rows(ArrayInfo const& info) {
  auto const row_bytes = element_count(info.extents, 1) * element_size(info.type);
  auto const rows = info.extents.empty() || row_bytes == 0 ? 0 : info.extents[0];
  auto const step = row_bytes == 0 ? 1 : std::max<std::uint64_t>(1, 8 * piece_bytes / row_bytes);
  std::vector<char> buffer(std::min(rows, step) * row_bytes);
  Extents offset(info.extents.size());
  auto count = info.extents;
  Hash hash;
  for (std::uint64_t row = 0; row < rows; row += step) {
    offset[0] = row;
    count[0] = std::min(step, rows - row);
    read_part(info, offset, count, buffer.data());
    hash.add(buffer.data(), count[0] * row_bytes);
  }
  return hash.take_wide();
}

}  // namespace

WideHash digest_of(ArrayInfo const& info) {
  if (info.file.empty()) {
    Hash hash;
    hash.add(info.inline_data.data(), info.inline_data.size());
    return hash.take_wide();
  }
  auto const file = telling_file(info);
  if (file.empty()) return hash_of_rows(info);
  auto const name = file + '\0' + std::to_string(info.data_offset) + ':' + std::to_string(bytes_of(info));
  auto const before = state_of(file);
  if (before) {
    if (auto const known = known_digests().find(name, *before)) return *known;
  }
  auto const digest = hash_of_file(info, file);
  // a staged file is never written again
  if (before && before == state_of(file) && (info.staged || !is_fresh(*before)))
    known_digests().add(name, *before, digest);
  return digest;
}

}  // namespace farm::detail
