#include "spawn/cache/cache_key.hpp"

#include <fmt/format.h>

#include <openssl/evp.h>

#include <stdexcept>

namespace farm::detail {
namespace {

EVP_MD_CTX* context_of(void* context) { return static_cast<EVP_MD_CTX*>(context); }

void check(bool good) {
  if (!good) throw std::runtime_error("SHA-256 failed");
}

}  // namespace

std::string CacheKey::text() const {
  std::string text;
  text.reserve(2 * bytes.size());
  for (auto const byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

void KeyHash::Free::operator()(void* context) const noexcept { EVP_MD_CTX_free(context_of(context)); }

KeyHash::KeyHash() : context_(EVP_MD_CTX_new()) {
  check(context_ != nullptr && EVP_DigestInit_ex(context_of(context_.get()), EVP_sha256(), nullptr) == 1);
}

void KeyHash::update(void const* data, std::size_t bytes) {
  check(EVP_DigestUpdate(context_of(context_.get()), data, bytes) == 1);
}

KeyHash& KeyHash::add(std::string_view field) {
  add(std::uint64_t{field.size()});
  update(field.data(), field.size());
  return *this;
}

KeyHash& KeyHash::add(std::uint64_t number) {
  std::array<unsigned char, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(number >> (8 * i));
  update(bytes.data(), bytes.size());
  return *this;
}

CacheKey KeyHash::take() {
  CacheKey key;
  unsigned size = 0;
  check(EVP_DigestFinal_ex(context_of(context_.get()), key.bytes.data(), &size) == 1 && size == key.bytes.size());
  return key;
}

}  // namespace farm::detail
