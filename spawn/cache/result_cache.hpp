#pragma once

#include "spawn/cache/cache_directory.hpp"
#include "spawn/cache/result_entry.hpp"

#include <farm/serialize.hpp>

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// A result that was found in a cache.
struct FoundResult {
  std::vector<Bytes> values{};  ///< packed; one, or one for each rank
  Keepers keepers{};            ///< of the files of arrays that the values refer to
};

/// Results of tasks in a directory, which any number of processes use at the same time. Thread-safe.
class ResultCache {
 public:
  /// Makes the directory unless it is there. Throws UsageError if it cannot be used.
  explicit ResultCache(std::string const& directory) : directory_(CacheDirectory::make(directory)) {}

  /// Returns the result; none if there is none. A result that is damaged, or whose arrays are, is removed, so that it
  /// is computed again, and one line is logged, which names `function`. Of results that cannot be read, only the first
  /// one is logged. Blocks: reads the entry, and the files of its arrays.
  [[nodiscard]] std::optional<FoundResult> find(CacheKey const& key, std::string_view function) noexcept;

  /// Keeps a result, unless there is one by now. `handles` tells for each value where the handles of arrays are. A
  /// result that cannot be kept costs nothing but a line in the log, and only the first of several does. Returns the
  /// files that were made, for sync(). Blocks while it writes.
  std::vector<std::filesystem::path> add(CacheKey const& key, ResultEntry entry,
                                         std::vector<std::vector<HandleRange>> const& handles) noexcept;

  /// Blocks until the files, and their names, are on the disk. Ignores errors: whoever finds a file that is torn
  /// computes its result again.
  static void sync(std::vector<std::filesystem::path> const& files) noexcept;

  [[nodiscard]] CacheDirectory const& directory() const { return directory_; }

 private:
  void report_not_kept(std::string_view function, std::string_view why);

  CacheDirectory directory_;
  std::atomic<bool> is_reported_{false};    ///< that results cannot be kept, since the last one that was
  std::atomic<bool> is_unreadable_{false};  ///< it was logged that one cannot be read, since the last one that could
};

/// Returns the content of a file, or its first `most` bytes; none if it does not exist. Throws std::system_error.
[[nodiscard]] std::optional<std::string> read_file_of_cache(std::filesystem::path const& path,
                                                            std::size_t most = std::string::npos);

}  // namespace farm::detail
