#include "core/text/nearest_word.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace farm::detail {
namespace {

std::string lower(std::string_view word) {
  std::string result{word};
  for (auto& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// Returns the optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest_word(std::string_view typed, std::vector<std::string> const& words) {
  auto const wanted = lower(typed);
  std::string best;
  auto best_distance = std::max<std::size_t>(wanted.size() / 3, 1) + 1;
  for (auto const& word : words) {
    auto found = distance(wanted, lower(word));
    if (wanted.size() >= 3 && lower(word).starts_with(wanted)) found = 1;  // abbreviated
    if (found < best_distance && found < word.size()) {
      best = word;
      best_distance = found;
    }
  }
  return best;
}

std::string unknown_word(std::string_view kind, std::string_view typed, std::vector<std::string> const& words) {
  if (auto const near = nearest_word(typed, words); !near.empty()) {
    return fmt::format("unknown {} '{}': did you mean '{}'?", kind, typed, near);
  }
  if (words.empty()) return fmt::format("unknown {} '{}': there is none", kind, typed);
  return fmt::format("unknown {} '{}': there {} {}", kind, typed, words.size() == 1 ? "is" : "are",
                     fmt::join(words, ", "));
}

}  // namespace farm::detail
