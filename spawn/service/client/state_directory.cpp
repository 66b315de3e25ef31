#include "spawn/service/client/state_directory.hpp"

#include "core/base/settings.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <pwd.h>
#include <unistd.h>
#include <string_view>
#include <system_error>
#include <vector>

namespace farm::detail {
namespace {

/// Returns HOME, else what the system knows of this user; empty if neither is known.
std::string home_directory() {
  if (auto home = environment_variable("HOME"); !home.empty()) return home;
  std::vector<char> buffer(std::size_t{1} << 14U);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return found->pw_dir;
}

std::filesystem::path default_directory() {
  // the standard of base directories says that a relative path is to be ignored
  std::filesystem::path const state = environment_variable("XDG_STATE_HOME");
  if (state.is_absolute()) return state / "farm";
  auto const home = home_directory();
  if (home.empty())
    throw UsageError("there is no home directory for the state directory: name one by --dir or FARM_DIR");
  return std::filesystem::path{home} / ".local/state/farm";
}

/// Returns the word in quotes, if a shell would take it for something else.
std::string for_shell(std::string const& word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,=@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (char const c : word) quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return quoted + "'";
}

}  // namespace

std::filesystem::path state_directory(std::string const& option) {
  std::filesystem::path directory = option;
  if (directory.empty()) directory = setting(Setting::state_dir);
  if (directory.empty()) directory = default_directory();
  directory = std::filesystem::absolute(directory).lexically_normal();
  // "x/" and "x" are the same directory, and messages name it
  return directory.has_filename() || directory == directory.root_path() ? directory : directory.parent_path();
}

std::string serve_command(std::filesystem::path const& directory) {
  bool is_found = false;
  try {
    is_found = state_directory() == directory;
  } catch (UsageError const&) {
    is_found = false;
  }
  return is_found ? "farm serve" : fmt::format("farm serve --dir {}", for_shell(directory.string()));
}

}  // namespace farm::detail
