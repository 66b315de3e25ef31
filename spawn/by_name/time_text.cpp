#include "spawn/by_name/time_text.hpp"

#include "spawn/by_name/number_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace farm::detail {
namespace {

struct Unit {
  std::string_view name;
  double seconds;
};
/// The longer name is first if one ends with the other.
constexpr std::array units{Unit{"ms", 1e-3}, Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3600}, Unit{"d", 86400}};

/// Returns the number with its unit; none if it is wrong.
std::optional<double> read_part(std::string_view number, double factor) {
  auto const value = read_number(number);
  if (!value || !value->is_in_range || !std::isfinite(value->value)) return std::nullopt;
  return value->value * factor;
}

/// Returns the unit that the letters are; null if they are none.
Unit const* unit_of(std::string_view name) {
  for (auto const& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

}  // namespace

std::optional<double> read_time(std::string_view text) {
  constexpr std::string_view letters = "msdh";
  if (text.find_first_of(letters) == std::string_view::npos) return read_part(text, 1);
  double sum = 0;
  double last = INFINITY;  // units become smaller: 1h30m, not 30m1h
  while (!text.empty()) {
    auto const number_end = text.find_first_of(letters);
    if (number_end == std::string_view::npos) return std::nullopt;
    auto const unit_end = std::min(text.find_first_not_of(letters, number_end), text.size());
    auto const* const unit = unit_of(text.substr(number_end, unit_end - number_end));
    if (unit == nullptr || unit->seconds >= last) return std::nullopt;
    auto const part = read_part(text.substr(0, number_end), unit->seconds);
    if (!part) return std::nullopt;
    sum += *part;
    last = unit->seconds;
    text.remove_prefix(unit_end);
  }
  return sum;
}

std::string time_text(double seconds) {
  constexpr double most = 1e12;
  if (!(seconds > 0)) return "0 s";
  if (seconds < 59.5) return fmt::format("{:.{}f} s", seconds, seconds < 9.95 ? (seconds < 0.995 ? 3 : 2) : 0);
  auto const whole = static_cast<long long>(std::min(std::round(seconds), most));
  auto const days = whole / 86400;
  auto const hours = whole / 3600 % 24;
  auto const minutes = whole / 60 % 60;
  if (days > 0) return fmt::format("{}d {}h", days, hours);
  if (hours > 0) return fmt::format("{}h {}m", hours, minutes);
  return fmt::format("{}m {}s", minutes, whole % 60);
}

}  // namespace farm::detail
