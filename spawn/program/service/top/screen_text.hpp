#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Text as a terminal shows it: in columns, with colours or without.
namespace farm::detail {

/// How a piece of text looks.
enum class TextStyle : std::uint8_t { plain, bold, faint, heading, good, bad, active, caution };

/// Returns how many columns of a terminal the text takes: wide characters take two, marks above others none.
[[nodiscard]] std::size_t columns_of(std::string_view text);

/// Returns the text cut to so many columns, with "~" as its last one if something was cut. Characters that are not
/// ASCII become "?" unless `is_utf8`.
[[nodiscard]] std::string cut_text(std::string_view text, std::size_t columns, bool is_utf8);

/// A line of the screen, which grows from left to right until it is full.
class ScreenLine {
 public:
  ScreenLine(std::size_t width, bool has_colours, bool is_utf8)
      : width_(width), has_colours_(has_colours), is_utf8_(is_utf8) {}

  /// Appends text, as far as there is room. It must be in one line.
  ScreenLine& add(std::string_view text, TextStyle style = TextStyle::plain);
  /// Appends text in a cell of so many columns, to its left or right, and a blank. What does not fit is cut.
  ScreenLine& cell(std::string_view text, std::size_t columns, TextStyle style = TextStyle::plain);
  ScreenLine& right_cell(std::string_view text, std::size_t columns, TextStyle style = TextStyle::plain);
  /// Fills up to the given column with blanks, so that text of so many columns ends at the right margin.
  ScreenLine& move_to_right(std::size_t columns);

  [[nodiscard]] std::size_t room() const { return width_ - used_; }
  /// Returns the line without blanks at its end.
  [[nodiscard]] std::string take();

 private:
  std::size_t width_;
  bool has_colours_;
  bool is_utf8_;
  std::size_t used_ = 0;
  std::string text_;
};

/// Returns "12.3 s", "3 min 20 s", "5 h 10 min", "3 d 4 h".
[[nodiscard]] std::string short_duration(double seconds);

/// Returns a rate or another number with about three digits: "0.42", "3.1", "1,234".
[[nodiscard]] std::string short_number(double value);

/// Returns a count with commas: "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t value);

}  // namespace farm::detail
