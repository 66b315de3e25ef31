#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace farm::detail {

/// XXH3, 64 bits, of bytes that come one piece after the other.
class Hash {
 public:
  Hash();
  void add(void const* data, std::size_t bytes);
  /// Of what was added; begins anew.
  [[nodiscard]] std::uint64_t take();

 private:
  struct Free {
    void operator()(void* state) const noexcept;
  };
  std::unique_ptr<void, Free> state_;
};

}  // namespace farm::detail
