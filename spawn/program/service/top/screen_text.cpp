#include "spawn/program/service/top/screen_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <clocale>
#include <cmath>
#include <cwchar>
#include <utility>

namespace farm::detail {
namespace {

/// Asks the C library for widths as UTF-8 has them, whatever the locale of this process is.
class WidthLocale {
 public:
  WidthLocale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  WidthLocale(WidthLocale const&) = delete;
  WidthLocale& operator=(WidthLocale const&) = delete;
  ~WidthLocale() {
    if (locale_ != nullptr) freelocale(locale_);
  }

  [[nodiscard]] std::size_t width(char32_t character) const {
    if (locale_ == nullptr) return 1;
    auto* const before = uselocale(locale_);
    auto const width = wcwidth(static_cast<wchar_t>(character));
    uselocale(before);
    return width < 0 ? 1 : static_cast<std::size_t>(width);
  }

 private:
  locale_t locale_;
};

/// Takes the first character of UTF-8 text: its code, and its bytes. A byte that is none is a character of its own.
std::pair<char32_t, std::size_t> first_character(std::string_view text) {
  auto const first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {first, 1};
  std::size_t const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  if (length == 1 || text.size() < length) return {0xfffd, 1};
  char32_t code = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    auto const next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0U) != 0x80) return {0xfffd, 1};
    code = code << 6U | (next & 0x3fU);
  }
  return {code, length};
}

std::size_t width_of(char32_t code) {
  if (code < 0x80) return 1;
  static WidthLocale const locale;
  return locale.width(code);
}

char const* sequence_of(TextStyle style) {
  switch (style) {
    case TextStyle::plain:
      return "";
    case TextStyle::bold:
      return "\x1b[1m";
    case TextStyle::faint:
      return "\x1b[2m";
    case TextStyle::heading:
      return "\x1b[7m";
    case TextStyle::good:
      return "\x1b[32m";
    case TextStyle::bad:
      return "\x1b[31m";
    case TextStyle::active:
      return "\x1b[36m";
    case TextStyle::caution:
      return "\x1b[33m";
  }
  return "";
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    auto const [code, length] = first_character(text);
    columns += width_of(code);
    text.remove_prefix(length);
  }
  return columns;
}

std::string cut_text(std::string_view text, std::size_t columns, bool is_utf8) {
  std::string result;
  std::size_t used = 0;
  std::size_t fits = 0;  // bytes of the result after which there is room for the mark
  while (!text.empty()) {
    auto const [code, length] = first_character(text);
    auto const width = is_utf8 ? width_of(code) : 1;
    if (used + width > columns) {
      result.resize(fits);
      return columns == 0 ? std::string{} : result + '~';
    }
    if (code < 0x80) {
      result += text.front();
    } else if (is_utf8 && code != 0xfffd) {
      result += text.substr(0, length);
    } else {
      result += '?';
    }
    used += width;
    if (used < columns) fits = result.size();
    text.remove_prefix(length);
  }
  return result;
}

ScreenLine& ScreenLine::add(std::string_view text, TextStyle style) {
  auto const shown = cut_text(text, room(), is_utf8_);
  if (shown.empty()) return *this;
  used_ += columns_of(shown);
  if (has_colours_ && style != TextStyle::plain) {
    text_ += sequence_of(style) + shown + "\x1b[0m";
  } else {
    text_ += shown;
  }
  return *this;
}

ScreenLine& ScreenLine::cell(std::string_view text, std::size_t columns, TextStyle style) {
  auto const shown = cut_text(text, columns, is_utf8_);
  add(shown, style);
  return add(std::string(columns - columns_of(shown) + 1, ' '));
}

ScreenLine& ScreenLine::right_cell(std::string_view text, std::size_t columns, TextStyle style) {
  auto const shown = cut_text(text, columns, is_utf8_);
  add(std::string(columns - columns_of(shown), ' '));
  add(shown, style);
  return add(" ");
}

ScreenLine& ScreenLine::move_to_right(std::size_t columns) {
  return room() > columns ? add(std::string(room() - columns, ' ')) : *this;
}

std::string ScreenLine::take() {
  while (text_.ends_with(' ')) text_.pop_back();
  return std::move(text_);
}

std::string short_duration(double seconds) {
  seconds = std::max(0.0, seconds);
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  if (seconds < 99.5) return fmt::format("{:.0f} s", seconds);
  auto const minutes = static_cast<std::int64_t>(std::min(seconds / 60, 1e15));
  if (minutes < 60) return fmt::format("{} min {} s", minutes, static_cast<std::int64_t>(seconds) % 60);
  if (minutes < 48 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  return fmt::format("{} d {} h", minutes / 1440, minutes / 60 % 24);
}

std::string grouped(std::uint64_t value) {
  auto digits = std::to_string(value);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string short_number(double value) {
  if (!(value > 0)) return "0";
  if (value < 0.0995) return fmt::format("{:.2g}", value);
  if (value < 0.995) return fmt::format("{:.2f}", value);
  if (value < 9.95) return fmt::format("{:.1f}", value);
  return grouped(static_cast<std::uint64_t>(std::llround(std::min(value, 1e15))));
}

}  // namespace farm::detail
