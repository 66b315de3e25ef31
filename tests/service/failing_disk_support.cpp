#include "tests/service/failing_disk.hpp"

#include <sqlite3.h>

#include <atomic>
#include <mutex>

namespace store_test {
namespace {

std::atomic<bool> locks_fail;
std::atomic<bool> syncs_fail;
std::atomic<bool> writes_fail;

sqlite3_vfs* real = nullptr;
sqlite3_vfs failing{};
sqlite3_io_methods const* real_methods = nullptr;
sqlite3_io_methods failing_methods{};
std::once_flag once;

int lock(sqlite3_file* file, int level) { return locks_fail ? SQLITE_IOERR_LOCK : real_methods->xLock(file, level); }

int shared_memory(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return locks_fail ? SQLITE_IOERR_SHMMAP : real_methods->xShmMap(file, page, size, extend, memory);
}

int sync_file(sqlite3_file* file, int flags) {
  return syncs_fail ? SQLITE_IOERR_FSYNC : real_methods->xSync(file, flags);
}

int write_file(sqlite3_file* file, void const* bytes, int count, sqlite3_int64 offset) {
  return writes_fail ? SQLITE_FULL : real_methods->xWrite(file, bytes, count, offset);
}

int open_file(sqlite3_vfs* /*vfs*/, char const* name, sqlite3_file* file, int flags, int* out) {
  auto const code = real->xOpen(real, name, file, flags, out);
  if (code != SQLITE_OK || file->pMethods == nullptr) return code;
  std::call_once(once, [&] {
    real_methods = file->pMethods;
    failing_methods = *file->pMethods;
    failing_methods.xLock = &lock;
    failing_methods.xShmMap = &shared_memory;
    failing_methods.xSync = &sync_file;
    failing_methods.xWrite = &write_file;
  });
  file->pMethods = &failing_methods;
  return SQLITE_OK;
}

}  // namespace

FailingDisk::FailingDisk() {
  real = sqlite3_vfs_find(nullptr);
  failing = *real;
  failing.zName = "failing";
  failing.xOpen = &open_file;
  sqlite3_vfs_register(&failing, 1);
}

FailingDisk::~FailingDisk() {
  sqlite3_vfs_unregister(&failing);
  sqlite3_vfs_register(real, 1);
  fail_locks(false);
  fail_syncs(false);
  fail_writes(false);
}

void FailingDisk::fail_locks(bool on) { locks_fail = on; }
void FailingDisk::fail_syncs(bool on) { syncs_fail = on; }
void FailingDisk::fail_writes(bool on) { writes_fail = on; }

}  // namespace store_test
