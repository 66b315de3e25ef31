#include "io/hdf5/file_lock.hpp"

#include <sys/file.h>
#include <cerrno>

namespace farm::detail {

FileLock lock_file(int file, int kind) noexcept {
  if (flock(file, kind | LOCK_NB) == 0) return FileLock::taken;
  bool const missing = errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
  return missing ? FileLock::missing : FileLock::refused;
}

}  // namespace farm::detail
