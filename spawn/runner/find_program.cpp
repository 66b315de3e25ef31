#include "spawn/runner/find_program.hpp"

#include "core/base/host_name.hpp"
#include "core/text/nearest_word.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

bool is_file(std::string const& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

void add_programs_of(std::string const& directory, std::vector<std::string>& names) {
  std::error_code error;
  for (auto const& entry : fs::directory_iterator{directory, error}) {
    if (access(entry.path().c_str(), X_OK) == 0 && is_file(entry.path())) names.push_back(entry.path().filename());
  }
}

std::vector<std::string> directories_of(std::string_view path) {
  std::vector<std::string> all;
  while (!path.empty()) {
    auto const end = std::min(path.find(':'), path.size());
    all.emplace_back(end == 0 ? "." : path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return all;
}

std::string suggestion(std::string const& nearest) {
  return nearest.empty() ? std::string{} : fmt::format(": did you mean {}?", nearest);
}

std::string found_at(std::string const& name, std::string const& directory) {
  auto file = fs::path{name}.is_absolute() ? name : (fs::path{directory} / name).lexically_normal().string();
  std::error_code error;
  if (fs::is_directory(file, error)) throw UsageError(fmt::format("{} is a directory, not a program", file));
  if (is_file(file)) {
    if (access(file.c_str(), X_OK) == 0) return file;
    throw UsageError(fmt::format("{} is not executable (chmod +x {})", file, file));
  }
  std::vector<std::string> names;
  auto const parent = fs::path{file}.parent_path();
  add_programs_of(parent, names);
  auto const nearest = nearest_word(fs::path{file}.filename().string(), names);
  throw UsageError(fmt::format("there is no program {} on {}{}", file, host_name(),
                               suggestion(nearest.empty() ? nearest : (parent / nearest).string())));
}

}  // namespace

std::string find_program(std::string const& name, std::string const& path, std::string const& directory) {
  if (name.empty()) throw UsageError("the name of the program is empty");
  if (name.find('/') != std::string::npos) return found_at(name, directory);
  auto const directories = directories_of(path.empty() ? "/usr/local/bin:/usr/bin:/bin" : path);
  std::string refused;
  for (auto const& each : directories) {
    auto file = (fs::path{directory} / each / name).string();  // `each` is absolute, as a rule
    if (!is_file(file)) continue;
    if (access(file.c_str(), X_OK) == 0) return file;
    refused = file;
  }
  if (!refused.empty()) throw UsageError(fmt::format("{} is not executable (chmod +x {})", refused, refused));
  if (is_file((fs::path{directory} / name).string())) {
    throw UsageError(fmt::format("there is no program {} in PATH: did you mean ./{}?", name, name));
  }
  std::vector<std::string> names;
  for (auto const& each : directories) add_programs_of(each, names);
  throw UsageError(
      fmt::format("there is no program {} in PATH on {}{}", name, host_name(), suggestion(nearest_word(name, names))));
}

std::string execution_failure(std::string const& file, int error) {
  auto const why = std::generic_category().message(error);
  if (error == ENOEXEC) {
    return fmt::format("{} is no program for this machine ({}); a script begins with a line such as #!/bin/sh", file,
                       why);
  }
  if (error == ENOENT) {
    return fmt::format("{} cannot be executed: its interpreter or loader is not there ({})", file, why);
  }
  return fmt::format("{} cannot be executed: {}", file, why);
}

std::string value_in(std::vector<std::string> const& environment, std::string const& name) {
  for (auto const& line : environment) {
    if (line.size() > name.size() && line[name.size()] == '=' && line.starts_with(name))
      return line.substr(name.size() + 1);
  }
  return {};
}

}  // namespace farm::detail
