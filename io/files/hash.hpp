#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace farm::detail {

/// A hash of 128 bits.
struct WideHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(WideHash const&, WideHash const&) = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(low, high);
  }
};

/// A running XXH3 hash (64 or 128 bits) of bytes that arrive in pieces.
class Hash {
 public:
  Hash();
  void add(void const* data, std::size_t bytes);
  /// Returns the hash of all bytes added so far and starts over.
  [[nodiscard]] std::uint64_t take();
  /// Does the same with 128 bits.
  [[nodiscard]] WideHash take_wide();

 private:
  struct Free {
    void operator()(void* state) const noexcept;
  };
  std::unique_ptr<void, Free> state_;
};

}  // namespace farm::detail
