#pragma once

#include "spawn/cache/cache_key.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace farm::detail {

/// The directory of a cache, and the names of the files in it. README.md describes them.
class CacheDirectory {
 public:
  /// Makes the directory for this user alone, unless it is there. Throws UsageError if it cannot be used: it cannot be
  /// made or written, holds other files, or is that of a newer version of the farm.
  [[nodiscard]] static CacheDirectory make(std::string const& path);
  /// Throws UsageError unless the directory is one that make() has made.
  [[nodiscard]] static CacheDirectory open(std::string const& path);

  [[nodiscard]] std::filesystem::path const& path() const { return path_; }
  /// Returns the path of an entry, whose directory need not exist.
  [[nodiscard]] std::filesystem::path entry(CacheKey const& key) const;
  /// Returns the path of a new file that belongs to an entry, with this ending. No other file has this name.
  [[nodiscard]] std::filesystem::path new_file(CacheKey const& key, std::string const& ending) const;

  enum class Kind {
    entry,  ///< a result
    array,  ///< belongs to an entry
    part,   ///< was not completed, or is being written
  };
  /// A file of the cache.
  struct File {
    std::filesystem::path path{};
    Kind kind{};
    std::string key{};  ///< of the entry that the file is, or belongs to, in hexadecimal
  };
  /// Calls `use` for each file of the cache. Files with other names are not the cache's. A directory that cannot be
  /// read throws std::system_error.
  void for_each(std::function<void(File const&)> const& use) const;

 private:
  explicit CacheDirectory(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace farm::detail
