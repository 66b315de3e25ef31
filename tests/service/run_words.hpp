#pragma once

#include <fmt/format.h>

#include <sys/wait.h>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

/// The exit status and output of a command.
struct Ran {
  int status = -1;
  std::string out{};
  std::string err{};
};

inline std::string text_of_file(std::filesystem::path const& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

/// Runs a command in the shell, for two minutes at most.
inline Ran run_in_shell(std::string const& command) {
  static std::atomic<int> number{0};
  auto const name = fmt::format("run-{}", number++);
  std::ofstream{name + ".sh"} << command << '\n';
  int const status =
      std::system(fmt::format("timeout 120 bash {0}.sh </dev/null >{0}.out 2>{0}.err", name).c_str());  // NOLINT
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text_of_file(name + ".out"),
          text_of_file(name + ".err")};
}
