#include "tests/layers/layers.hpp"

#include "tests/layers/cycles.hpp"
#include "tests/layers/source_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace layers {
namespace {

constexpr char const* components[] = {"core", "io", "spawn"};

std::string read(std::filesystem::path const& path) {
  std::ifstream stream{path};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

// One source or header. Its unit is named like a file without its extension: "core/future/wait".
struct File {
  std::string path;       // relative to the root
  std::string component;  // "core"
  std::string folder;     // that floors.txt orders; empty if unknown
  std::string unit;       // empty if the folder is
  std::string text;
  bool is_public = false;  // below include/
};

std::string stem_of(std::string const& path) { return std::filesystem::path{path}.stem().string(); }
std::string folder_of(std::string const& path) { return std::filesystem::path{path}.parent_path().generic_string(); }

class Tree {
 public:
  Tree(std::filesystem::path const& root, Floors const& floors) : floors_{floors} {
    for (char const* component : components) {
      read_component(root, component);
    }
    if (files_.empty()) say("{} has no sources in core, io or spawn", root.string());
    for (auto& [path, file] : files_) {
      place(file);
    }
    for (auto const& [header, folder] : floors_.owner) {
      if (!public_stems_.contains(header)) {
        say("floors.txt: {}: there is no public header {}; remove it from the list", folder, header);
      }
    }
  }

  void check_includes() {
    for (auto const& [path, file] : files_) {
      for (Include const& include : includes_in(file.text)) {
        check_include(file, include);
      }
    }
  }

  void check_cycles() {
    for (std::vector<std::string> const& cycle : find_cycles(arrows_)) {
      std::string line = fmt::format("cycle of {} units: ", cycle.size());
      for (std::size_t i = 0; i < cycle.size(); ++i) {
        std::string const& next = cycle[(i + 1) % cycle.size()];
        line += fmt::format("{} -> ({}) ", cycle[i], arrows_.at(cycle[i]).at(next));
      }
      say("{}{}", line, cycle.front());
    }
  }

  void check_sizes(Limits const& limits) {
    std::map<std::string, int> count;
    for (auto const& [path, file] : files_) {
      ++count[folder_of(path)];
    }
    for (auto const& [folder, files] : count) {
      int const limit = folder.find("/include/") == std::string::npos ? limits.folder : limits.public_folder;
      if (files > limit)
        say("{}: {} sources and headers, but {} at most are allowed; divide the folder", folder, files, limit);
    }
  }

  void check_public_headers() {
    for (auto const& [path, file] : files_) {
      if (file.is_public && folder_of(path).ends_with("/include/farm") && declares_detail_only(file.text)) {
        say("{}: declares farm::detail only; move it to {}/detail", path, folder_of(path));
      }
    }
  }

  std::vector<std::string> violations() && {
    std::sort(violations_.begin(), violations_.end());
    return std::move(violations_);
  }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    violations_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void read_component(std::filesystem::path const& root, std::string const& component) {
    if (!is_directory(root / component)) return;
    for (auto const& entry : std::filesystem::recursive_directory_iterator{root / component}) {
      auto const extension = entry.path().extension();
      if (extension != ".hpp" && extension != ".cpp") continue;
      std::string const path = entry.path().lexically_relative(root).generic_string();
      bool const is_public = path.starts_with(component + "/include/");
      if (is_public) public_stems_.insert(component + "/" + stem_of(path));
      if (extension == ".cpp") sources_[component + "/" + stem_of(path)].push_back(folder_of(path));
      files_[path] = {.path = path,
                      .component = component,
                      .folder = {},
                      .unit = {},
                      .text = read(entry.path()),
                      .is_public = is_public};
    }
  }

  // Finds the folder of a file. A public header belongs to the folder of its source, else to the one in floors.txt.
  void place(File& file) {
    std::string folder = file.is_public ? owner_of(file) : folder_of(file.path);
    if (folder.empty()) return;
    if (!floors_.floor_of.contains(folder)) {
      say("{}: floors.txt does not list the folder {}; add it on its floor", file.path, folder);
      return;
    }
    file.unit = folder + "/" + stem_of(file.path);
    file.folder = std::move(folder);
  }

  std::string owner_of(File const& file) {
    std::string const header = file.component + "/" + stem_of(file.path);
    auto const listed = floors_.owner.find(header);
    auto const sources = sources_.find(header);
    std::size_t const found = sources == sources_.end() ? 0 : sources->second.size();
    if (listed != floors_.owner.end()) {
      if (found == 1 && sources->second.front() != listed->second) {
        say("floors.txt: {} is listed in {}, but its source is in {}", header, listed->second, sources->second.front());
      }
      return listed->second;
    }
    if (found == 1) return sources->second.front();
    say("{}: {} sources of this name in {}, so it belongs to no folder; list it in floors.txt", file.path, found,
        file.component);
    return "";
  }

  // The file that an include names; nullptr if it is none of ours, which is told if it should be.
  File const* find(File const& from, Include const& include) {
    if (!include.quoted && !include.name.starts_with("farm/")) return nullptr;
    std::vector<std::string> candidates;
    if (include.quoted) {
      candidates = {include.name, folder_of(from.path) + "/" + include.name};
    }
    for (char const* component : components) {
      candidates.push_back(std::string(component) + "/include/" + include.name);
    }
    for (std::string const& candidate : candidates) {
      auto const file = files_.find(std::filesystem::path{candidate}.lexically_normal().generic_string());
      if (file != files_.end()) return &file->second;
    }
    say("{}:{}: {} is not a header of core, io or spawn", from.path, include.line, include.name);
    return nullptr;
  }

  void check_include(File const& from, Include const& include) {
    File const* const to = find(from, include);
    if (to == nullptr || to->unit.empty() || from.unit.empty() || to->unit == from.unit) return;
    arrows_[from.unit].emplace(to->unit, fmt::format("{}:{}", from.path, include.line));
    if (to->folder == from.folder) return;
    int const from_floor = floors_.floor_of.at(from.folder);
    int const to_floor = floors_.floor_of.at(to->folder);
    if (to_floor < from_floor) return;
    say("{}:{}: includes {}: {} is {} {}", from.path, include.line, include.name, to->folder,
        to_floor > from_floor ? "above" : "beside", from.folder);
  }

  Floors const& floors_;
  std::map<std::string, File> files_;                        // by path
  std::map<std::string, std::vector<std::string>> sources_;  // "spawn/pool" -> folders with such a .cpp
  std::set<std::string> public_stems_;                       // "spawn/pool"
  Graph arrows_;                                             // among units, with the include that makes each
  std::vector<std::string> violations_;
};

}  // namespace

Floors read_floors(std::string_view text) {
  Floors floors;
  std::istringstream lines{std::string(text)};
  int floor = 0;
  for (std::string line; std::getline(lines, line);) {
    line.erase(std::min(line.find('#'), line.size()));
    std::istringstream words{line};
    std::vector<std::string> const names{std::istream_iterator<std::string>{words}, {}};
    if (names.empty()) continue;
    if (names.front().ends_with(':')) {
      std::string const folder = names.front().substr(0, names.front().size() - 1);
      if (!floors.floor_of.contains(folder)) throw std::runtime_error("floors.txt: no floor has the folder " + folder);
      std::string const component = folder.substr(0, folder.find('/'));
      for (auto name = names.begin() + 1; name != names.end(); ++name) {
        if (!floors.owner.emplace(component + "/" + *name, folder).second) {
          throw std::runtime_error("floors.txt: " + *name + " appears twice");
        }
      }
      continue;
    }
    ++floor;
    for (std::string const& folder : names) {
      if (!floors.floor_of.emplace(folder, floor).second) {
        throw std::runtime_error("floors.txt: " + folder + " appears twice");
      }
    }
  }
  return floors;
}

std::vector<std::string> find_violations(std::filesystem::path const& root, Floors const& floors,
                                         Limits const& limits) {
  Tree tree{root, floors};
  tree.check_includes();
  tree.check_cycles();
  tree.check_sizes(limits);
  tree.check_public_headers();
  return std::move(tree).violations();
}

}  // namespace layers
