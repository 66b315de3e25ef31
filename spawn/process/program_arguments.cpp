#include "spawn/process/program_arguments.hpp"

#include <fstream>
#include <iterator>
#include <utility>

namespace farm::detail {

std::vector<std::string> command_line() { return command_line_of("self"); }

std::vector<std::string> command_line_of(std::string const& process) {
  std::ifstream file{"/proc/" + process + "/cmdline", std::ios::binary};
  std::string const text{std::istreambuf_iterator<char>{file}, {}};
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = text.find('\0', begin);
    words.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  return words;
}

std::vector<std::string> program_arguments() {
  auto words = command_line();
  if (!words.empty()) words.erase(words.begin());
  return words;
}

std::vector<char*> execution_list(std::vector<std::string> const& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (auto const& each : texts) list.push_back(const_cast<char*>(each.c_str()));  // execve() changes none
  list.push_back(nullptr);
  return list;
}

}  // namespace farm::detail
