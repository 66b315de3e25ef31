#pragma once

#include <farm/serialize.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

/// How both ends of a control stream prove, before the first frame, that they hold the key of this run. spawn/README.md
/// has the message formats.
namespace farm::detail {

using Key = std::array<unsigned char, 32>;
using Nonce = std::array<unsigned char, 32>;
using Mac = std::array<unsigned char, 32>;

/// From the operating system's generator. Throws std::runtime_error where it gives none.
[[nodiscard]] Nonce random_bytes();

/// Who opens a stream.
struct Hello {
  std::uint64_t group = 0;
  std::int32_t rank = 0;
  bool is_guard = false;
  bool guarded = true;  ///< a guard's stream follows, or has come
  std::int32_t pid = 0;
  std::string host;
  std::string build_id;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(group, rank, is_guard, guarded, pid, host, build_id);
  }
};

/// Listener to connector.
struct Challenge {
  std::array<char, 8> magic{};
  Nonce nonce{};
};

/// Connector to listener; `hello_size` bytes of packed Hello follow.
struct Response {
  Nonce nonce{};
  Mac mac{};
  std::uint32_t hello_size = 0;
};

inline constexpr std::array<char, 8> stream_magic{'f', 'a', 'r', 'm', 's', 't', 'r', '1'};
inline constexpr std::uint32_t max_hello_size = 4096;

[[nodiscard]] Mac connector_mac(Key const& key, Nonce const& challenge, Nonce const& response, std::string_view hello);
[[nodiscard]] Mac listener_mac(Key const& key, Nonce const& challenge, Nonce const& response);
/// In constant time.
[[nodiscard]] bool equal(Mac const& a, Mac const& b) noexcept;

}  // namespace farm::detail
