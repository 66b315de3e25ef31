#include "spawn/environment/parent_process.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace farm::detail {

pid_t parent_of(pid_t process) {
  std::string text;
  std::getline(std::ifstream{fmt::format("/proc/{}/stat", process)}, text);
  auto const name_end = text.rfind(')');  // the text is "pid (name) state parent ..."
  return name_end != std::string::npos && name_end + 4 < text.size() ? std::atoi(text.c_str() + name_end + 4) : 0;
}

}  // namespace farm::detail
