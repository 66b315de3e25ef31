#include "spawn/join/handshake.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdexcept>

namespace farm::detail {
namespace {

Mac mac_of(Key const& key, std::string const& message) {
  Mac mac{};
  unsigned size = mac.size();
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<unsigned char const*>(message.data()), message.size(), mac.data(), &size) == nullptr) {
    throw std::runtime_error("HMAC-SHA256 failed");
  }
  return mac;
}

std::string_view bytes_of(Nonce const& nonce) { return {reinterpret_cast<char const*>(nonce.data()), nonce.size()}; }

}  // namespace

Nonce random_bytes() {
  Nonce nonce{};
  if (RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1) {
    throw std::runtime_error("OpenSSL's random number generator failed");
  }
  return nonce;
}

Mac connector_mac(Key const& key, Nonce const& challenge, Nonce const& response, std::string_view hello) {
  std::string message{"connector"};
  message.append(bytes_of(challenge)).append(bytes_of(response)).append(hello);
  return mac_of(key, message);
}

Mac listener_mac(Key const& key, Nonce const& challenge, Nonce const& response) {
  std::string message{"listener"};
  message.append(bytes_of(response)).append(bytes_of(challenge));
  return mac_of(key, message);
}

bool equal(Mac const& a, Mac const& b) noexcept { return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

}  // namespace farm::detail
