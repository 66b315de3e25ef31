#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace farm::detail {

/// A running XXH3 hash (64 bits) of bytes that arrive in pieces.
class Hash {
 public:
  Hash();
  void add(void const* data, std::size_t bytes);
  /// Returns the hash of all bytes added so far and starts over.
  [[nodiscard]] std::uint64_t take();

 private:
  struct Free {
    void operator()(void* state) const noexcept;
  };
  std::unique_ptr<void, Free> state_;
};

}  // namespace farm::detail
