#pragma once

#include "spawn/service/store/disk/schema.hpp"

#include <filesystem>
#include <optional>

namespace farm::detail {

/// The file `queue.acknowledged` beside the database: what the database held after the last commit that was
/// acknowledged. SQLite says nothing if the end of its write-ahead log is damaged, and ignores it; but then the
/// database holds less than this file says.
class AcknowledgedFile {
 public:
  struct Content {
    bool exists = false;
    std::optional<Counters> counters{};  ///< none: the file is damaged
  };

  /// Opens it to write, and makes it if need be. Throws StoreError.
  explicit AcknowledgedFile(std::filesystem::path const& directory);
  ~AcknowledgedFile();
  AcknowledgedFile(AcknowledgedFile const&) = delete;
  AcknowledgedFile& operator=(AcknowledgedFile const&) = delete;

  /// Overwrites it, without a sync: the processes that may be killed are ours, and after a loss of power an older file
  /// asks for less. An error costs only this check.
  void write(Counters const& counters) noexcept;

  [[nodiscard]] static Content read(std::filesystem::path const& directory);
  [[nodiscard]] static std::filesystem::path path_in(std::filesystem::path const& directory);

 private:
  int descriptor_;
};

}  // namespace farm::detail
