#pragma once

#include "core/base/descriptor.hpp"

#include <cstddef>
#include <new>
#include <utility>

namespace farm::detail {

/// Creates `size` zeroed bytes of anonymous memory (a memfd, closed on exec) that other processes can map. The memory
/// is sealed against shrinking: otherwise the other process could shrink it, and this one would die of SIGBUS. Throws
/// std::system_error.
[[nodiscard]] Descriptor create_memory(std::size_t size);
/// Maps that memory for reading and writing. Throws std::system_error.
[[nodiscard]] void* map_memory(Descriptor const& descriptor, std::size_t size);
/// Does nothing for a null pointer.
void unmap_memory(void* memory, std::size_t size) noexcept;

/// A T in memory that this process shares with others. The owner also holds the descriptor, until close_descriptor().
template <class T>
class SharedMemory {
 public:
  SharedMemory() noexcept = default;
  /// Creates the memory and a T in it. Other processes can map it while descriptor() is open. Throws std::system_error.
  static SharedMemory make() {
    SharedMemory shared{create_memory(sizeof(T))};
    new (shared.memory_) T;
    return shared;
  }
  /// Maps memory that another process has made, and takes over its descriptor. Throws std::system_error.
  static SharedMemory take(Descriptor descriptor) { return SharedMemory{std::move(descriptor)}; }

  SharedMemory(SharedMemory&& other) noexcept
      : descriptor_(std::move(other.descriptor_)), memory_(std::exchange(other.memory_, nullptr)) {}
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(memory_, other.memory_);
    return *this;
  }
  ~SharedMemory() { unmap_memory(memory_, sizeof(T)); }

  explicit operator bool() const noexcept { return memory_ != nullptr; }
  T* operator->() const noexcept { return memory_; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
  void close_descriptor() noexcept { descriptor_ = Descriptor{}; }
  /// Gives the mapping up to the caller: it stays until the process ends. Closes the descriptor.
  [[nodiscard]] T* release() noexcept {
    close_descriptor();
    return std::exchange(memory_, nullptr);
  }

 private:
  explicit SharedMemory(Descriptor descriptor)
      : descriptor_(std::move(descriptor)), memory_(static_cast<T*>(map_memory(descriptor_, sizeof(T)))) {}

  Descriptor descriptor_;
  T* memory_ = nullptr;
};

}  // namespace farm::detail
