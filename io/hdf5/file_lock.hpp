#pragma once

/// Locks of whole files (flock). Not every file system has them.
namespace farm::detail {

enum class FileLock {
  taken,
  refused,  ///< another process holds a lock, or the lock could not be taken for a reason that errno tells
  missing   ///< the file system has no locks
};

/// Tries to take a lock without waiting. `kind`: LOCK_SH or LOCK_EX.
[[nodiscard]] FileLock lock_file(int file, int kind) noexcept;

}  // namespace farm::detail
