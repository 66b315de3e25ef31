#include "spawn/program/service/shown_text.hpp"

#include <farm/detail/text_value.hpp>

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <ctime>

namespace farm::detail {
namespace {

/// Returns the number of bytes of the character that begins with this byte of valid UTF-8.
std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

char32_t code_of(std::string_view character) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  constexpr std::array<unsigned, 5> masks{0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t code = byte(0) & masks.at(character.size());
  for (std::size_t i = 1; i < character.size(); ++i) code = (code << 6U) | (byte(i) & 0x3fU);
  return code;
}

/// Returns true for what changes how a terminal shows the rest: controls, line ends, directions of writing.
bool acts_on_terminals(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

std::string escaped(char32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  if (code == '\r') return "\\r";
  return code < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(code))
                      : fmt::format("\\u{:04x}", static_cast<unsigned>(code));
}

}  // namespace

std::string one_line(std::string_view text) { return one_line(text, std::string_view::npos); }

std::string one_line(std::string_view text, std::size_t most) {
  auto const valid = with_valid_utf8(std::string{text});
  constexpr std::string_view dots = "...";
  std::string line;
  std::size_t count = 0;
  std::size_t end_before_dots = 0;
  for (std::size_t i = 0; i < valid.size();) {
    auto const length = std::min(length_of(static_cast<unsigned char>(valid[i])), valid.size() - i);
    auto const character = std::string_view{valid}.substr(i, length);
    auto const code = code_of(character);
    auto const shown = acts_on_terminals(code) ? escaped(code) : code == '\\' ? "\\\\" : std::string{character};
    auto const width = shown.size() == length ? 1 : shown.size();
    if (most != std::string_view::npos && count + width > most)
      return line.substr(0, end_before_dots) + std::string{dots};
    line += shown;
    count += width;
    if (most != std::string_view::npos && count + dots.size() <= most) end_before_dots = line.size();
    i += length;
  }
  return line;
}

std::string moment_text(std::optional<double> seconds_since_1970) {
  if (!seconds_since_1970 || !std::isfinite(*seconds_since_1970)) return "-";
  auto const whole = static_cast<std::time_t>(*seconds_since_1970);
  std::tm parts{};
  if (localtime_r(&whole, &parts) == nullptr) return "-";
  std::array<char, 32> text{};
  auto const length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return {text.data(), length};
}

std::string counted(std::uint64_t number, std::string_view word) {
  return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
}

}  // namespace farm::detail
