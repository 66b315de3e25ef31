#include "io/files/file_bytes.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::uint64_t most_at_once = std::uint64_t{1} << 30U;  // Linux transfers at most 2 GiB per call

Descriptor open_for(ErrorSite const& site, std::uint64_t offset, std::uint64_t bytes) {
  Descriptor file{open(site.file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) throw system_error(site, "cannot be opened", errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) throw system_error(site, "cannot be examined", errno);
  if (auto const size = static_cast<std::uint64_t>(status.st_size); size < offset + bytes)
    throw stage_error(site, fmt::format("is truncated: {} bytes were expected, found {}", offset + bytes, size));
  return file;
}

}  // namespace

std::shared_ptr<void> map_file(ErrorSite const& site, std::uint64_t offset, std::uint64_t bytes, MapOptions options) {
  auto const file = open_for(site, offset, bytes);
  if (options.locked) flock(file.get(), LOCK_SH | LOCK_NB);  // the mapping holds the lock after the file is closed
  auto const into_page = offset % static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  auto const length = bytes + into_page;
  // Populate all pages at once: callers read them all, and one fault per page takes longer than the reading.
  void* const pages = mmap(nullptr, length, options.modifiable ? PROT_READ | PROT_WRITE : PROT_READ,
                           options.modifiable ? MAP_PRIVATE : MAP_SHARED | MAP_POPULATE, file.get(),
                           static_cast<off_t>(offset - into_page));
  if (pages == MAP_FAILED) {  // NOLINT(performance-no-int-to-ptr)
    if (errno == ENOMEM) throw system_error(site, "cannot be mapped", errno);
    return nullptr;  // ENODEV, EINVAL, EACCES, EPERM, EOPNOTSUPP: which one depends on the file system
  }
#ifdef MADV_POPULATE_READ
  if (options.modifiable) madvise(pages, length, MADV_POPULATE_READ);  // MAP_POPULATE would copy all pages
#endif
  std::shared_ptr<void> const owner{pages, [length](void* p) { munmap(p, length); }};
  return {owner, static_cast<char*>(pages) + into_page};
}

FileReader::FileReader(ErrorSite site, std::uint64_t offset, std::uint64_t bytes)
    : site_(std::move(site)), file_(open_for(site_, offset, bytes)) {}

void FileReader::read(std::uint64_t offset, std::uint64_t bytes, void* out) const {
  auto* to = static_cast<char*>(out);
  while (bytes > 0) {
    auto const got = pread(file_.get(), to, std::min(bytes, most_at_once), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(site_, "cannot be read", errno);
    if (got == 0) throw stage_error(site_, "was truncated while it was read");
    to += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::uint64_t>(got);
  }
}

FileWriter::FileWriter(ErrorSite site) : site_(std::move(site)), file_(open(site_.file.c_str(), O_WRONLY | O_CLOEXEC)) {
  if (!file_) throw system_error(site_, "cannot be opened", errno);
}

void FileWriter::write(std::uint64_t offset, std::uint64_t bytes, void const* from) const {
  auto const* data = static_cast<char const*>(from);
  while (bytes > 0) {
    auto const put = pwrite(file_.get(), data, std::min(bytes, most_at_once), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) throw system_error(site_, "cannot be written", put < 0 ? errno : ENOSPC);
    data += put;
    offset += static_cast<std::uint64_t>(put);
    bytes -= static_cast<std::uint64_t>(put);
  }
}

void reserve_file(ErrorSite const& site, std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return;
  Descriptor const file{open(site.file.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!file) throw system_error(site, "cannot be opened", errno);
  // Not posix_fallocate(): on file systems that cannot reserve blocks, it writes the whole range.
  int result = 0;
  do {
    result = fallocate(file.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
    throw system_error(site, fmt::format("the file system has no room for {} bytes", bytes), errno);
}

void sync_path(ErrorSite const& site) {
  Descriptor const file{open(site.file.c_str(), O_RDONLY | O_CLOEXEC)};
  // Some file systems cannot sync, or not directories.
  bool const synced = file && (fsync(file.get()) == 0 || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP);
  if (!synced) throw system_error(site, "cannot be synced to disk", errno);
}

}  // namespace farm::detail
