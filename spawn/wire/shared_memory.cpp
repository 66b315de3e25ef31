#include "spawn/wire/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>

namespace farm::detail {
namespace {

[[noreturn]] void fail(char const* function) { throw std::system_error(errno, std::generic_category(), function); }

}  // namespace

Descriptor create_memory(std::size_t size) {
  Descriptor descriptor{memfd_create("farm", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!descriptor) fail("memfd_create");
  if (ftruncate(descriptor.get(), static_cast<off_t>(size)) != 0) fail("ftruncate");
  if (fcntl(descriptor.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0) fail("fcntl");
  return descriptor;
}

void* map_memory(Descriptor const& descriptor, std::size_t size) {
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
  if (memory == MAP_FAILED) fail("mmap");
  return memory;
}

void unmap_memory(void* memory, std::size_t size) noexcept {
  if (memory != nullptr) munmap(memory, size);
}

}  // namespace farm::detail
