#pragma once

#include <farm/serialize.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The handshake: both ends of a control stream prove, before the first frame, that they hold the key of this run.
/// README.md describes the message formats.
namespace farm::detail {

using Key = std::array<unsigned char, 32>;
using Nonce = std::array<unsigned char, 32>;
using Mac = std::array<unsigned char, 32>;

/// Returns random bytes from OpenSSL's generator. Throws std::runtime_error if the generator fails.
[[nodiscard]] Nonce random_bytes();

/// Says who opens a stream.
struct Hello {
  std::uint64_t group = 0;
  std::int32_t rank = 0;
  bool is_guard = false;
  bool guarded = true;  ///< the rank has a guard, which opens a stream of its own
  std::int32_t pid = 0;
  std::string host;
  std::string build_id;
  std::vector<std::int32_t> processors{};  ///< that the rank may use; of a guard: none
  std::string cores{};  ///< the cores that these are of, as read_cores() has them, if the master is on another host

  template <class Archive>
  void serialize(Archive& archive) {
    archive(group, rank, is_guard, guarded, pid, host, build_id, processors, cores);
  }
};

/// The first message, from the listener.
struct Challenge {
  std::array<char, 8> magic{};
  Nonce nonce{};
};

/// The connector's reply; `hello_size` bytes of packed Hello follow.
struct Response {
  Nonce nonce{};
  Mac mac{};
  std::uint32_t hello_size = 0;
};

inline constexpr std::array<char, 8> stream_magic{'f', 'a', 'r', 'm', 's', 't', 'r', '1'};
inline constexpr std::uint32_t max_hello_size = 65536;

/// Returns the code by which a connector proves that it holds the key.
[[nodiscard]] Mac connector_mac(Key const& key, Nonce const& challenge, Nonce const& response, std::string_view hello);
/// Returns the code by which a listener proves that it holds the key.
[[nodiscard]] Mac listener_mac(Key const& key, Nonce const& challenge, Nonce const& response);
/// Compares in constant time.
[[nodiscard]] bool equal(Mac const& a, Mac const& b) noexcept;

}  // namespace farm::detail
