#include "io/mapping.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

#include "io/descriptor.hpp"

namespace farm::detail {
namespace {

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
  void* const pages = mmap(nullptr, length, PROT_READ, MAP_SHARED, file.get(), static_cast<off_t>(offset - into_page));
  if (pages == MAP_FAILED) throw system_error(place, "cannot be mapped", errno);  // NOLINT(performance-no-int-to-ptr)
  std::shared_ptr<void const> const owner{pages, [length](void const* p) { munmap(const_cast<void*>(p), length); }};
  return {owner, static_cast<char const*>(pages) + into_page};
}

void read_file(Place const& place, std::uint64_t offset, std::uint64_t bytes, void* out) {
  constexpr std::uint64_t most = std::uint64_t{1} << 30U;  // Linux reads no more than 2 GiB at once
  auto const file = open_for(place, offset, bytes);
  auto* to = static_cast<char*>(out);
  while (bytes > 0) {
    auto const got = pread(file.get(), to, std::min(bytes, most), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(place, "cannot be read", errno);
    if (got == 0) throw stage_error(place, "was truncated while it was read");
    to += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::uint64_t>(got);
  }
}

void sync_path(Place const& place) {
  Descriptor const file{open(place.file.c_str(), O_RDONLY | O_CLOEXEC)};
  // Some file systems cannot sync directories, and say EINVAL.
  if (!file || (fsync(file.get()) != 0 && errno != EINVAL)) throw system_error(place, "cannot be made durable", errno);
}

}  // namespace farm::detail
