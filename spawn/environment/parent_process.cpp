#include "spawn/environment/parent_process.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace farm::detail {

namespace {

struct Status {
  char state = 'X';
  pid_t parent = 0;
};

Status status_of(std::string const& process) {
  std::string text;
  std::getline(std::ifstream{fmt::format("/proc/{}/stat", process)}, text);
  auto const name_end = text.rfind(')');  // the text is "pid (name) state parent ..."
  if (name_end == std::string::npos || name_end + 4 >= text.size()) return {};
  return {.state = text[name_end + 2], .parent = std::atoi(text.c_str() + name_end + 4)};
}

}  // namespace

pid_t parent_of(pid_t process) { return status_of(std::to_string(process)).parent; }

bool has_living_child(pid_t process) {
  std::error_code error;
  for (std::filesystem::directory_iterator it{"/proc", error}, end; !error && it != end; it.increment(error)) {
    auto const name = it->path().filename().string();
    if (name.front() < '0' || name.front() > '9') continue;
    auto const status = status_of(name);
    if (status.parent == process && status.state != 'Z' && status.state != 'X') return true;
  }
  return false;
}

}  // namespace farm::detail
