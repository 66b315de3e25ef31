#include "spawn/environment/parent_process.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace farm::detail {
namespace {

struct Status {
  char state = 'X';
  pid_t parent = 0;
};

Status status_of(pid_t process) {
  std::string text;
  std::getline(std::ifstream{fmt::format("/proc/{}/stat", process)}, text);
  auto const name_end = text.rfind(')');  // the text is "pid (name) state parent ..."
  if (name_end == std::string::npos || name_end + 4 >= text.size()) return {};
  return {.state = text[name_end + 2], .parent = std::atoi(text.c_str() + name_end + 4)};
}

}  // namespace

pid_t parent_of(pid_t process) { return status_of(process).parent; }

bool has_ended(pid_t process) {
  auto const state = status_of(process).state;
  return state == 'Z' || state == 'X';
}

}  // namespace farm::detail
