#include "spawn/hosts/host_range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t most_names = 1'000'000;

/// Cuts the text at commas that are not in brackets.
std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '[') ++depth;
    if (i < text.size() && text[i] == ']') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return parts;
}

std::optional<unsigned long> number_in(std::string_view text) {
  unsigned long value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

/// Returns the numbers of "01-03,7" as texts; all of a range have the width of its first.
std::optional<std::vector<std::string>> numbers_of(std::string_view text) {
  std::vector<std::string> numbers;
  for (auto const part : split_list(text)) {
    auto const dash = std::min(part.find('-'), part.size());
    auto const first = number_in(part.substr(0, dash));
    auto const last = dash < part.size() ? number_in(part.substr(dash + 1)) : first;
    if (!first || !last || *last < *first || *last - *first >= most_names) return std::nullopt;
    for (auto each = *first; each <= *last; ++each) numbers.push_back(fmt::format("{:0{}}", each, dash));
  }
  return numbers;
}

/// Adds the names of one entry, which may have several brackets.
bool expand(std::string_view entry, std::vector<std::string>& names) {
  std::vector<std::string> found{""};
  while (!entry.empty()) {
    auto const open = std::min(entry.find('['), entry.size());
    auto const plain = entry.substr(0, open);
    if (plain.find_first_of("] \t") != std::string_view::npos) return false;
    for (auto& each : found) each += plain;
    if (open == entry.size()) break;
    auto const close = entry.find(']', open);
    if (close == std::string_view::npos) return false;
    auto const numbers = numbers_of(entry.substr(open + 1, close - open - 1));
    if (!numbers || found.size() * numbers->size() > most_names) return false;
    std::vector<std::string> longer;
    for (auto const& each : found) {
      for (auto const& number : *numbers) longer.push_back(each + number);
    }
    found = std::move(longer);
    entry.remove_prefix(close + 1);
  }
  if (found.front().empty() || names.size() + found.size() > most_names) return false;
  names.insert(names.end(), found.begin(), found.end());
  return true;
}

}  // namespace

std::optional<std::vector<std::string>> expand_host_ranges(std::string_view text) {
  std::vector<std::string> names;
  for (auto const entry : split_list(text)) {
    if (!expand(entry, names)) return std::nullopt;
  }
  return names;
}

}  // namespace farm::detail
