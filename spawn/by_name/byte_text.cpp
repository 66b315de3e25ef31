#include "spawn/by_name/byte_text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace farm::detail {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint32_t byte_at(std::string_view bytes, std::size_t i) {
  return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
}

/// The characters of UTF-8 whose first byte is in a range: how many bytes follow it, and the range of the second byte.
struct Lead {
  unsigned char first, last;
  std::size_t following;
  unsigned char second_first, second_last;
};
constexpr std::array leads{
    Lead{0x00, 0x7f, 0, 0x80, 0xbf}, Lead{0xc2, 0xdf, 1, 0x80, 0xbf}, Lead{0xe0, 0xe0, 2, 0xa0, 0xbf},
    Lead{0xe1, 0xec, 2, 0x80, 0xbf}, Lead{0xed, 0xed, 2, 0x80, 0x9f}, Lead{0xee, 0xef, 2, 0x80, 0xbf},
    Lead{0xf0, 0xf0, 3, 0x90, 0xbf}, Lead{0xf1, 0xf3, 3, 0x80, 0xbf}, Lead{0xf4, 0xf4, 3, 0x80, 0x8f}};

/// Returns the number of bytes of the character that the text begins with; 0 if there is none.
std::size_t character_size(std::string_view text) {
  auto const first = byte_at(text, 0);
  for (auto const& lead : leads) {
    if (first < lead.first || first > lead.last) continue;
    if (text.size() <= lead.following) return 0;
    for (std::size_t i = 1; i <= lead.following; ++i) {
      auto const byte = byte_at(text, i);
      auto const least = i == 1 ? lead.second_first : 0x80U;
      auto const most = i == 1 ? lead.second_last : 0xbfU;
      if (byte < least || byte > most) return 0;
    }
    return lead.following + 1;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    auto const size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    auto const group = byte_at(bytes, i) << 16U | byte_at(bytes, i + 1) << 8U | byte_at(bytes, i + 2);
    for (std::size_t digit = 0; digit < 4; ++digit) {
      bool const is_padding = i + digit > bytes.size();
      text += is_padding ? '=' : alphabet[group >> (18U - 6U * digit) & 0x3fU];
    }
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  auto const digits = text.substr(0, text.size() - (text.ends_with("==") ? 2U : text.ends_with('=') ? 1U : 0U));
  std::string bytes;
  std::uint32_t group = 0;
  std::size_t bits = 0;
  for (char const c : digits) {
    auto const digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    group = group << 6U | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xffU);
  }
  return bytes;
}

}  // namespace farm::detail
