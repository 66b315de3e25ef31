#include "spawn/environment/out_of_memory.hpp"

#include "core/base/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

namespace farm::detail {
namespace {

std::string content(std::string const& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// Returns how many processes of the control group of this process were killed; -1 if it is not known.
std::int64_t oom_kills() {
  std::ifstream groups{"/proc/self/cgroup"};
  for (std::string line; std::getline(groups, line);) {  // "4:memory:/path" of version 1, "0::/path" of version 2
    auto const first = line.find(':');
    auto const second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    auto const kind = line.substr(first + 1, second - first - 1);
    auto const path = line.substr(second + 1);
    if (kind == "memory") return oom_kills_in(content("/sys/fs/cgroup/memory" + path + "/memory.oom_control"));
    if (kind.empty() && line.starts_with("0:")) {
      auto const count = oom_kills_in(content("/sys/fs/cgroup" + path + "/memory.events"));
      if (count >= 0) return count;
    }
  }
  return -1;
}

/// Searches the kernel's log, each read() of which returns one entry.
bool is_in_log(pid_t process) {
  Descriptor const log{open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  std::array<char, 8192> entry{};
  while (log) {
    auto const count = read(log.get(), entry.data(), entry.size());
    if (count < 0 && (errno == EPIPE || errno == EINTR)) continue;  // entries were overwritten
    if (count <= 0) return false;
    if (says_out_of_memory({entry.data(), static_cast<std::size_t>(count)}, process)) return true;
  }
  return false;
}

}  // namespace

OutOfMemory::OutOfMemory() : before_(oom_kills()) {}

bool OutOfMemory::has_killed(pid_t process) {
  auto const before = std::exchange(before_, oom_kills());
  return (before >= 0 && before_ > before) || is_in_log(process);
}

std::int64_t oom_kills_in(std::string_view content) {
  constexpr std::string_view name = "oom_kill ";
  for (auto at = content.find(name); at != std::string_view::npos; at = content.find(name, at + 1)) {
    if (at != 0 && content[at - 1] != '\n') continue;
    std::int64_t count = -1;
    auto const* const begin = content.data() + at + name.size();
    std::from_chars(begin, content.data() + content.size(), count);
    return count;
  }
  return -1;
}

bool says_out_of_memory(std::string_view line, pid_t process) {
  return line.find("ut of memory: Killed process " + std::to_string(process) + ' ') != std::string_view::npos;
}

}  // namespace farm::detail
