#include "spawn/service/dispatch/kept_arrays.hpp"

#include "core/base/descriptor.hpp"

#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(fs::path const& path) { throw std::system_error(errno, std::generic_category(), path.string()); }

void sync(fs::path const& path) {
  Descriptor const file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file || fsync(file.get()) != 0) fail(path);
}

void keep_file(fs::path const& from, fs::path const& to) {
  fs::create_directories(to.parent_path());
  unlink(to.c_str());  // of an earlier attempt
  if (link(from.c_str(), to.c_str()) != 0) {
    if (errno != EXDEV && errno != EPERM && errno != EMLINK) fail(to);
    auto const temporary = fs::path{to.string() + ".new"};
    fs::copy_file(from, temporary, fs::copy_options::overwrite_existing);
    fs::rename(temporary, to);
  }
  sync(to);
  sync(to.parent_path());
}

bool lies_below(fs::path const& path, fs::path const& directory) {
  auto const relative = path.lexically_normal().lexically_relative(directory.lexically_normal());
  return !relative.empty() && *relative.begin() != "..";
}

/// Walks through a value, and keeps each {"file", "dataset", ...} of this run.
class Keeper {
 public:
  Keeper(TaskName task, fs::path const& directory, fs::path run)
      : task_(task), directory_(directory), run_(std::move(run)) {}

  void visit(TextValue& value) {
    if (auto* const list = std::get_if<TextValue::List>(&value.value)) {
      for (auto& item : list->items) visit(item);
    } else if (auto* const members = std::get_if<TextValue::Members>(&value.value)) {
      auto& names = members->names;
      auto const at = [&](char const* name) {
        return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
      };
      auto const file = at("file");
      if (file < names.size() && at("dataset") < names.size()) return keep(members->values[file]);
      for (auto& item : members->values) visit(item);
    }
  }

 private:
  void keep(TextValue& file) {
    auto* const path = std::get_if<std::string>(&file.value);
    if (path == nullptr || !lies_below(*path, run_)) return;
    auto const name = count_ == 0 ? fmt::format("{}.h5", task_.task) : fmt::format("{}-{}.h5", task_.task, count_);
    ++count_;
    auto const kept = directory_ / std::to_string(task_.job) / name;
    keep_file(*path, kept);
    *path = kept.string();
  }

  TaskName task_;
  fs::path const& directory_;
  fs::path run_;
  int count_ = 0;
};

}  // namespace

void keep_arrays(TextValue& value, TaskName task, fs::path const& directory) {
  auto const* const run = current_stage_run();
  if (run != nullptr) Keeper{task, directory, run->directory()}.visit(value);
}

}  // namespace farm::detail
