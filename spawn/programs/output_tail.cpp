#include "spawn/programs/output_tail.hpp"

#include <algorithm>
#include <deque>

namespace farm::detail {
namespace {

constexpr std::size_t most_lines = 5;
constexpr std::size_t longest_line = 200;

bool is_rule(std::string_view line) { return line.find_first_not_of("-=*_# \t\r") == std::string_view::npos; }

std::string cleaned(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
  std::string text{line.substr(0, longest_line)};
  std::replace_if(
      text.begin(), text.end(),
      [](char c) {
        auto const code = static_cast<unsigned char>(c);
        return code < 0x20 || code == 0x7f;
      },
      ' ');
  return text;
}

}  // namespace

std::string last_lines(std::string_view text) {
  std::deque<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = std::min(text.find('\n', begin), text.size());
    auto const line = text.substr(begin, end - begin);
    if (!is_rule(line)) lines.push_back(cleaned(line));
    if (lines.size() > most_lines) lines.pop_front();
    begin = end + 1;
  }
  std::string joined;
  for (auto const& line : lines) joined += (joined.empty() ? "" : " / ") + line;
  return joined;
}

}  // namespace farm::detail
