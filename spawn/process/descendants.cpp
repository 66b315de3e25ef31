#include "spawn/process/descendants.hpp"

#include "spawn/environment/parent_process.hpp"

#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace farm::detail {
namespace {

constexpr auto patience = std::chrono::seconds{5};

/// Looks at all processes. Needed by: kernels without CONFIG_PROC_CHILDREN.
std::vector<pid_t> find_children_of(pid_t parent) {
  std::vector<pid_t> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it{"/proc", error}, last; !error && it != last; it.increment(error)) {
    auto const name = it->path().filename().string();
    pid_t process = 0;
    auto const [end, failed] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (failed == std::errc{} && end == name.data() + name.size() && parent_of(process) == parent)
      found.push_back(process);
  }
  return found;
}

/// Collects the children that have ended. Returns false if there are no children at all.
bool collect() {
  for (;;) {
    auto const process = waitpid(-1, nullptr, WNOHANG);
    if (process == 0) return true;
    if (process < 0 && errno != EINTR) return false;
  }
}

}  // namespace

std::vector<pid_t> children() { return children_of(getpid()); }

std::vector<pid_t> children_of(pid_t process) {
  std::vector<pid_t> found;
  std::error_code error;
  auto const threads = fmt::format("/proc/{}/task", process);
  for (std::filesystem::directory_iterator it{threads, error}, last; !error && it != last; it.increment(error)) {
    std::ifstream file{it->path() / "children"};
    if (!file) return find_children_of(process);
    for (pid_t child = 0; file >> child;) found.push_back(child);
  }
  return found;
}

bool has_living_child(pid_t process) {
  auto const all = children_of(process);
  return !std::all_of(all.begin(), all.end(), has_ended);
}

std::size_t end_children() {
  auto const limit = std::chrono::steady_clock::now() + patience;
  for (useconds_t pause = 50; collect(); pause = pause < 10'000 ? 2 * pause : pause) {
    auto const left = children();  // killing one may make its own children ours
    for (auto const process : left) kill(process, SIGKILL);
    if (std::chrono::steady_clock::now() > limit) return left.size();
    usleep(pause);
  }
  return 0;
}

}  // namespace farm::detail
