#include "spawn/service/model/task_ranges.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace farm::detail {
namespace {

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

}  // namespace

std::vector<std::pair<std::uint64_t, std::uint64_t>> read_task_ranges(std::string_view text) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  auto const whole = text;
  for (bool is_more = true; is_more;) {
    auto const comma = text.find(',');
    auto const part = text.substr(0, comma);
    auto const dash = part.find('-');
    auto const first = read_number(part.substr(0, dash));
    auto const last = dash == std::string_view::npos ? first : read_number(part.substr(dash + 1));
    if (!first || !last || *first > *last)
      throw UsageError(fmt::format("'{}' is no list such as 5, 1-10 or 1,3,5-8", whole.substr(0, 80)));
    ranges.emplace_back(*first, *last);
    is_more = comma != std::string_view::npos;
    if (is_more) text.remove_prefix(comma + 1);
  }
  return ranges;
}

}  // namespace farm::detail
