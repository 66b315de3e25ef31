#include "spawn/runner/output_tail.hpp"

#include <algorithm>
#include <cstddef>
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

bool is_long_rule(std::string_view line) {
  constexpr std::size_t least = 60;
  return is_rule(line) && std::count(line.begin(), line.end(), '-') >= static_cast<std::ptrdiff_t>(least);
}

std::string joined(std::deque<std::string> const& lines) {
  std::string text;
  for (auto const& line : lines) text += (text.empty() ? "" : " / ") + line;
  return text;
}

void keep(std::deque<std::string>& lines, std::string_view line) {
  lines.push_back(cleaned(line));
  if (lines.size() > most_lines) lines.pop_front();
}

}  // namespace

std::string last_lines(std::string_view text) {
  std::deque<std::string> lines;
  std::deque<std::string> of_launcher;
  bool in_message = false;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = std::min(text.find('\n', begin), text.size());
    auto const line = text.substr(begin, end - begin);
    if (is_long_rule(line)) in_message = !in_message;
    if (!is_rule(line)) keep(in_message ? of_launcher : lines, line);
    begin = end + 1;
  }
  return joined(lines.empty() ? of_launcher : lines);
}

}  // namespace farm::detail
