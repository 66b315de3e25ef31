#include "io/stage/file_keepers.hpp"

#include <unistd.h>
#include <utility>

#include "io/stage/spare_files.hpp"

namespace farm::detail {

struct FileKeepers::Keeper {
  Keeper(std::shared_ptr<FileKeepers> owner, std::string file) : files(std::move(owner)), path(std::move(file)) {}
  Keeper(Keeper const&) = delete;
  Keeper& operator=(Keeper const&) = delete;
  ~Keeper() { files->drop(path); }
  std::shared_ptr<FileKeepers> files;
  std::string path;
};

std::shared_ptr<void> FileKeepers::adopt(std::string const& path) {
  std::lock_guard const lock{mutex_};
  auto& known = keepers_[path];
  if (auto keeper = known.lock()) return keeper;
  auto keeper = std::make_shared<Keeper>(shared_from_this(), path);
  known = keeper;
  return keeper;
}

void FileKeepers::remove_unless_kept(std::string const& path) noexcept {
  std::lock_guard const lock{mutex_};
  if (!keepers_.contains(path)) unlink(path.c_str());
}

void FileKeepers::drop(std::string const& path) noexcept {
  if (getpid() != owner_) return;
  std::lock_guard const lock{mutex_};
  auto const known = keepers_.find(path);
  // Another thread may have adopted the file again in the meantime.
  if (known == keepers_.end() || !known->second.expired()) return;
  keepers_.erase(known);
  retire_file(path);
}

}  // namespace farm::detail
