#include "spawn/limits/control_group.hpp"

#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

using Version = ControlGroup::Version;

/// A mounted hierarchy.
struct Mount {
  Version version = Version::one;
  fs::path top;    ///< the control group that is mounted, as /proc/self/cgroup would name it
  fs::path point;  ///< the directory where it is mounted
};

bool has_item(std::string_view list, std::string_view item) {
  std::istringstream items{std::string{list}};
  for (std::string each; std::getline(items, each, ',');) {
    if (each == item) return true;
  }
  return false;
}

/// The kernel writes blanks, tabs, line breaks and backslashes in these files as \ooo.
std::string without_escapes(std::string const& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const is_octal = [&](std::size_t k) { return text[k] >= '0' && text[k] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(i + 1) && is_octal(i + 2) && is_octal(i + 3)) {
      result += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::vector<Mount> read_mounts(fs::path const& file, std::string_view controller) {
  std::vector<Mount> mounts;
  std::ifstream lines{file};
  for (std::string line; std::getline(lines, line);) {
    // "id parent major:minor top point options [optional fields] - type source options"
    std::istringstream words{line};
    std::string skipped;
    std::string top;
    std::string point;
    words >> skipped >> skipped >> skipped >> top >> point;
    for (std::string word; words >> word && word != "-";) {
    }
    std::string type;
    std::string options;
    if (!(words >> type >> skipped >> options)) continue;
    if (type != "cgroup2" && (type != "cgroup" || !has_item(options, controller))) continue;
    mounts.push_back({.version = type == "cgroup" ? Version::one : Version::two,
                      .top = without_escapes(top),
                      .point = without_escapes(point)});
  }
  return mounts;
}

/// Returns the control group of this process in the hierarchy; none if the process is in none.
std::optional<fs::path> find_group(fs::path const& file, Version version, std::string_view controller) {
  std::ifstream lines{file};
  for (std::string line; std::getline(lines, line);) {
    // "id:controllers:path"; the line of version 2 names no controllers
    auto const first = line.find(':');
    auto const second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    auto const controllers = std::string_view{line}.substr(first + 1, second - first - 1);
    if (version == Version::two ? line.starts_with("0::") : has_item(controllers, controller))
      return fs::path{line.substr(second + 1)};
  }
  return std::nullopt;
}

/// Where a control group lies below the top of a mount.
struct Below {
  int unknown = 0;  ///< so many levels first, whose names are not told
  fs::path rest;
};

/// Returns where `group` lies below `top`; none if it does not lie there. In a name space of control groups, paths
/// begin at the top of the name space: the top of a mount from outside is "/..", or "/../..".
std::optional<Below> find_below(fs::path const& top, fs::path const& group) {
  auto [in_top, in_group] = std::mismatch(top.begin(), top.end(), group.begin(), group.end());
  Below below;
  for (; in_top != top.end(); ++in_top, ++below.unknown) {
    if (*in_top != "..") return std::nullopt;
  }
  for (; in_group != group.end(); ++in_group) {
    if (*in_group == "..") return std::nullopt;
    below.rest /= *in_group;
  }
  return below;
}

/// Returns true if this process is in the control group of this directory.
bool has_this_process(fs::path const& directory) {
  std::ifstream processes{directory / "cgroup.procs"};
  for (pid_t process = 0; processes >> process;) {
    if (process == getpid()) return true;
  }
  return false;
}

/// Returns the directory of this process's control group; empty if it is not below `directory`.
fs::path find_directory(fs::path const& directory, Below const& below) {
  if (below.unknown == 0) return directory / below.rest;
  std::error_code error;
  for (fs::directory_iterator it{directory, error}, end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (!it->is_directory(ignored)) continue;
    auto found = find_directory(it->path(), {.unknown = below.unknown - 1, .rest = below.rest});
    if (!found.empty() && (below.unknown > 1 || has_this_process(found))) return found;
  }
  return {};
}

}  // namespace

std::vector<ControlGroup> control_groups(std::string_view controller, std::filesystem::path const& root) {
  auto const self = root / "proc/self";
  std::vector<ControlGroup> groups;
  auto const mounts = read_mounts(self / "mountinfo", controller);
  for (auto const version : {Version::one, Version::two}) {
    auto const group = find_group(self / "cgroup", version, controller);
    if (!group) continue;
    bool is_found = false;
    for (auto const& mount : mounts) {
      auto const below = mount.version == version ? find_below(mount.top, *group) : std::nullopt;
      if (!below) continue;
      is_found = true;
      auto directory = root / mount.point.relative_path();
      groups.push_back({directory, version});
      for (auto const& name : find_directory(directory, *below).lexically_relative(directory))
        groups.push_back({directory /= name, version});
    }
    // In some containers, a path from outside meets a mount from inside: only the top of the mount is known then.
    for (auto const& mount : mounts) {
      if (!is_found && mount.version == version) groups.push_back({root / mount.point.relative_path(), version});
    }
  }
  return groups;
}

}  // namespace farm::detail
