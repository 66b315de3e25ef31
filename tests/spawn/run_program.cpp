#include "tests/spawn/run_program.hpp"

#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

using namespace std::chrono_literals;

namespace {

std::string content(std::filesystem::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::vector<pid_t> processes_with(std::string const& mark) {
  std::vector<pid_t> found;
  std::error_code error;
  for (auto const& entry : std::filesystem::directory_iterator{"/proc", error}) {
    pid_t const process = std::atoi(entry.path().filename().c_str());
    if (process > 0 && content(entry.path() / "environ").find(mark) != std::string::npos) found.push_back(process);
  }
  return found;
}

}  // namespace

std::string as_word(std::string const& text) {
  std::string word = "'";
  for (char const c : text) word += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return word + "'";
}

Outcome run_program(std::string const& command, std::string const& environment) {
  static int runs = 0;
  auto const mark = fmt::format("FARM_TEST_MARK={}.{}.", getpid(), ++runs);
  auto const line =
      fmt::format("env {} {} timeout -k 2 50 {} >out.txt 2>err.txt </dev/null", mark, environment, command);
  int const status = std::system(line.c_str());
  Outcome outcome{.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                  .output = content("out.txt"),
                  .errors = content("err.txt")};
  // A launcher's daemon may take a moment to end.
  auto left = processes_with(mark);
  for (auto const end = std::chrono::steady_clock::now() + 5s;
       !left.empty() && std::chrono::steady_clock::now() < end;) {
    std::this_thread::sleep_for(10ms);
    left = processes_with(mark);
  }
  for (auto const process : left) {
    auto arguments = content(fmt::format("/proc/{}/cmdline", process));
    std::replace(arguments.begin(), arguments.end(), '\0', ' ');
    outcome.left.push_back(fmt::format("{} {}", process, arguments));
    kill(process, SIGKILL);
  }
  return outcome;
}
