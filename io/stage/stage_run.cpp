#include <farm/detail/log.hpp>
#include <farm/detail/task_stage.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

#include "core/base/settings.hpp"
#include "io/files/paths.hpp"
#include "io/stage/file_keepers.hpp"
#include "io/stage/run_directory.hpp"

namespace farm {
namespace {

namespace fs = std::filesystem;

std::mutex current_mutex;
StageRun* current_run = nullptr;
fs::path stage_directory;

}  // namespace

StageRun::StageRun(Options const& options)
    : keep_(options.keep || detail::setting_switch(detail::Setting::keep_stage, false)),
      owner_(getpid()),
      files_(std::make_shared<detail::FileKeepers>()) {
  auto const stage = options.stage_directory.empty() ? find_stage_directory().path : options.stage_directory;
  fs::path const parent = detail::absolute_path(stage);
  detail::remove_abandoned_runs(parent);
  directory_ = parent / detail::name_run_directory();
  lock_ = detail::make_run_directory(directory_);
  if (keep_) detail::keep_run_directory(directory_);
}

StageRun::~StageRun() {
  if (current_stage_run() == this) set_stage_run(nullptr);
  remove_files();
  close(lock_);
}

void StageRun::remove_files() const noexcept try {
  if (getpid() != owner_) return;  // a forked child has a copy of the object but does not own the directory
  std::error_code ignored;
  if (keep_) {
    detail::log_error(fmt::format("the staged arrays are kept in {}", directory_.string()));
  } else {
    fs::remove_all(directory_, ignored);
  }
} catch (std::exception const&) {
  // Out of memory: the next run removes the directory.
}

void StageRun::removes_if_killed(std::vector<std::string> const& paths) const {
  detail::record_other_files(directory_, paths);
}

std::shared_ptr<void> StageRun::adopt(fs::path const& path) { return keep_ ? nullptr : files_->adopt(path.string()); }

void StageRun::clear(std::uint64_t group, std::vector<std::uint64_t> const& tasks) noexcept try {
  if (keep_) return;
  auto const unfinished = fmt::format(".{}", detail::group_name(group));
  std::vector<std::string> prefixes;
  prefixes.reserve(tasks.size());
  for (auto const task : tasks) prefixes.push_back(detail::TaskStage::prefix(detail::group_name(group), task));
  std::error_code error;
  for (fs::directory_iterator entry{directory_, error}, end; !error && entry != end; entry.increment(error)) {
    auto const name = entry->path().filename().string();
    auto const has_prefix = [&](std::string const& prefix) { return name.starts_with(prefix); };
    bool const is_theirs = has_prefix(unfinished) || std::any_of(prefixes.begin(), prefixes.end(), has_prefix);
    if (is_theirs) files_->remove_unless_kept(entry->path().string());
  }
} catch (std::exception const&) {
  // Out of memory: the files are removed with the run.
}

void set_stage_run(StageRun* run) noexcept {
  std::lock_guard const lock{current_mutex};
  current_run = run;
}

StageRun* current_stage_run() noexcept {
  std::lock_guard const lock{current_mutex};
  return current_run;
}

void set_stage_directory(fs::path directory) {
  std::lock_guard const lock{current_mutex};
  stage_directory = std::move(directory);
}

namespace detail {

fs::path default_stage_directory() {
  std::lock_guard const lock{current_mutex};
  return current_run != nullptr ? current_run->directory() : stage_directory;
}

std::shared_ptr<void> find_keeper(std::string const& file) {
  std::lock_guard const lock{current_mutex};
  if (current_run == nullptr || fs::path{file}.parent_path() != current_run->directory()) return nullptr;
  return current_run->adopt(file);
}

}  // namespace detail
}  // namespace farm
