#include "core/resources/memory_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <system_error>

namespace farm::detail {
namespace {

constexpr std::string_view units = "KMGT";

/// Returns how many binary digits the unit adds; none if it is no unit.
std::optional<int> digits_of(std::string unit) {
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::toupper(c); });
  if (unit.empty() || unit == "B") return 0;
  auto const which = units.find(unit.front());
  auto const rest = unit.substr(1);
  if (which == std::string_view::npos || (!rest.empty() && rest != "B" && rest != "IB")) return std::nullopt;
  return 10 * (static_cast<int>(which) + 1);
}

}  // namespace

std::optional<std::int64_t> read_memory(std::string_view text) {
  constexpr double most = 9.2e18;
  double number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || std::isnan(number) || number < 0) return std::nullopt;
  std::string_view rest{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  auto const digits = digits_of(std::string{rest});
  if (!digits) return std::nullopt;
  auto const bytes = std::ldexp(number, *digits);
  if (bytes > most) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(bytes));
}

std::string memory_text(std::int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return fmt::format("{:.4g} {}iB", value, units[unit]);
}

}  // namespace farm::detail
