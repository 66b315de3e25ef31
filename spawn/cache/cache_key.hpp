#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace farm::detail {

/// Names a result in a cache: SHA-256 over everything that the result depends on. Two tasks never share a key by
/// chance, however many there are, so nothing else is compared.
struct CacheKey {
  std::array<unsigned char, 32> bytes{};

  /// Returns 64 hexadecimal digits.
  [[nodiscard]] std::string text() const;
  friend bool operator==(CacheKey const&, CacheKey const&) = default;
};

/// Makes a key of fields. Each field is hashed with its length, so that fields do not run into each other.
class KeyHash {
 public:
  /// Throws std::runtime_error if OpenSSL fails, as all functions do.
  KeyHash();
  KeyHash& add(std::string_view field);
  KeyHash& add(std::uint64_t number);
  /// Returns the key of all fields. Use the object for nothing else then.
  [[nodiscard]] CacheKey take();

 private:
  struct Free {
    void operator()(void* context) const noexcept;
  };
  void update(void const* data, std::size_t bytes);

  std::unique_ptr<void, Free> context_;
};

}  // namespace farm::detail
