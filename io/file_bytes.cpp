#include "io/file_bytes.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/descriptor.hpp"

namespace farm::detail {
namespace {

constexpr std::uint64_t most_at_once = std::uint64_t{1} << 30U;  // Linux transfers no more than 2 GiB

Descriptor open_for(Place const& place, std::uint64_t offset, std::uint64_t bytes) {
  Descriptor file{open(place.file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) throw system_error(place, "cannot be opened", errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) throw system_error(place, "cannot be looked at", errno);
  if (auto const size = static_cast<std::uint64_t>(status.st_size); size < offset + bytes)
    throw stage_error(place, fmt::format("is truncated: {} bytes were expected, there are {}", offset + bytes, size));
  return file;
}

}  // namespace

std::shared_ptr<void const> map_file(Place const& place, std::uint64_t offset, std::uint64_t bytes) {
  auto const file = open_for(place, offset, bytes);
  auto const into_page = offset % static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  auto const length = bytes + into_page;
  // all at once: who maps a part reads it, and a fault for each page takes longer than the reading
  void* const pages =
      mmap(nullptr, length, PROT_READ, MAP_SHARED | MAP_POPULATE, file.get(), static_cast<off_t>(offset - into_page));
  if (pages == MAP_FAILED) throw system_error(place, "cannot be mapped", errno);  // NOLINT(performance-no-int-to-ptr)
  std::shared_ptr<void const> const owner{pages, [length](void const* p) { munmap(const_cast<void*>(p), length); }};
  return {owner, static_cast<char const*>(pages) + into_page};
}

void compare_file(Place const& place, std::uint64_t offset, std::uint64_t bytes, void const* expected) {
  auto const file = open_for(place, offset, bytes);
  std::vector<char> piece(std::min<std::uint64_t>(bytes, std::uint64_t{256} << 10U));  // stays in the cache
  auto const* data = static_cast<char const*>(expected);
  for (std::uint64_t done = 0; done < bytes;) {
    auto const got =
        pread(file.get(), piece.data(), std::min(bytes - done, piece.size()), static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw system_error(place, "cannot be read again", got < 0 ? errno : EIO);
    auto const size = static_cast<std::size_t>(got);
    if (std::memcmp(piece.data(), data + done, size) != 0)
      throw stage_error(place, fmt::format("was not written to the end: bytes from {} on are others", offset + done));
    done += size;
  }
}

void read_file(Place const& place, std::uint64_t offset, std::uint64_t bytes, void* out) {
  auto const file = open_for(place, offset, bytes);
  auto* to = static_cast<char*>(out);
  while (bytes > 0) {
    auto const got = pread(file.get(), to, std::min(bytes, most_at_once), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(place, "cannot be read", errno);
    if (got == 0) throw stage_error(place, "was truncated while it was read");
    to += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::uint64_t>(got);
  }
}

void write_file(Place const& place, std::uint64_t offset, std::uint64_t bytes, void const* from) {
  Descriptor const file{open(place.file.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!file) throw system_error(place, "cannot be opened", errno);
  auto const* data = static_cast<char const*>(from);
  while (bytes > 0) {
    auto const put = pwrite(file.get(), data, std::min(bytes, most_at_once), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) throw system_error(place, "cannot be written", put < 0 ? errno : ENOSPC);
    data += put;
    offset += static_cast<std::uint64_t>(put);
    bytes -= static_cast<std::uint64_t>(put);
  }
}

void reserve_file(Place const& place, std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return;
  Descriptor const file{open(place.file.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!file) throw system_error(place, "cannot be opened", errno);
  // Not posix_fallocate, which writes all of it where the file system cannot.
  int result = 0;
  do {
    result = fallocate(file.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
    throw system_error(place, fmt::format("there is no room for {} bytes", bytes), errno);
}

void sync_path(Place const& place) {
  Descriptor const file{open(place.file.c_str(), O_RDONLY | O_CLOEXEC)};
  // Some file systems cannot sync directories, and say EINVAL.
  if (!file || (fsync(file.get()) != 0 && errno != EINVAL)) throw system_error(place, "cannot be made durable", errno);
}

}  // namespace farm::detail
