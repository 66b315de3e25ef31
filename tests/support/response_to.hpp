#pragma once

#include "spawn/join/handshake.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Returns the answer to a challenge from a rank that has this key.
inline std::string response_to(farm::detail::Challenge const& challenge, farm::detail::Key const& key,
                               std::string_view hello) {
  farm::detail::Response response;
  response.nonce = farm::detail::random_bytes();
  response.hello_size = static_cast<std::uint32_t>(hello.size());
  response.mac = farm::detail::connector_mac(key, challenge.nonce, response.nonce, hello);
  return std::string{reinterpret_cast<char const*>(&response), sizeof response}.append(hello);
}
