#pragma once

#include <unistd.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace farm::detail {

/// The keepers of a run's files. A keeper is an object that keeps a file: the file is removed, or becomes a spare file,
/// when the last reference to its keeper goes. Thread-safe.
class FileKeepers : public std::enable_shared_from_this<FileKeepers> {
 public:
  /// Returns the keeper of the file. All keepers of a path are one, and keep this object alive.
  [[nodiscard]] std::shared_ptr<void> adopt(std::string const& path);

  /// Removes the file unless it has a keeper.
  void remove_unless_kept(std::string const& path) noexcept;

 private:
  struct Keeper;

  void drop(std::string const& path) noexcept;

  int owner_ = getpid();  ///< a forked child has copies of the keepers but does not own the files
  std::mutex mutex_{};
  std::map<std::string, std::weak_ptr<Keeper>> keepers_{};
};

}  // namespace farm::detail
