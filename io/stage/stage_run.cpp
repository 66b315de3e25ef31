#include <farm/detail/log.hpp>
#include <farm/detail/task_stage.hpp>
#include <farm/error.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <regex>
#include <string>
#include <string_view>

#include <farm/detail/array_info.hpp>
#include "core/base/descriptor.hpp"
#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"
#include "io/hdf5/error_site.hpp"
#include "io/stage/default_directory.hpp"
#include "io/stage/spare_files.hpp"

namespace farm {
namespace detail {

/// Which files of the run have a keeper.
class StagedFiles : public std::enable_shared_from_this<StagedFiles> {
 public:
  std::shared_ptr<void> adopt(std::string const& path) {
    std::lock_guard const lock{mutex_};
    auto& known = keepers_[path];
    if (auto keeper = known.lock()) return keeper;
    auto keeper = std::make_shared<Keeper>(shared_from_this(), path);
    known = keeper;
    return keeper;
  }

  void remove_unless_kept(std::string const& path) noexcept {
    std::lock_guard const lock{mutex_};
    if (!keepers_.contains(path)) unlink(path.c_str());
  }

 private:
  struct Keeper {
    Keeper(std::shared_ptr<StagedFiles> owner, std::string file) : files(std::move(owner)), path(std::move(file)) {}
    Keeper(Keeper const&) = delete;
    Keeper& operator=(Keeper const&) = delete;
    ~Keeper() { files->drop(path); }
    std::shared_ptr<StagedFiles> files;
    std::string path;
  };

  void drop(std::string const& path) noexcept {
    std::lock_guard const lock{mutex_};
    auto const known = keepers_.find(path);
    // It may have been adopted anew since.
    if (known == keepers_.end() || !known->second.expired()) return;
    keepers_.erase(known);
    retire_file(path);
  }

  std::mutex mutex_{};
  std::map<std::string, std::weak_ptr<Keeper>> keepers_{};
};

}  // namespace detail

namespace {

namespace fs = std::filesystem;
using detail::Descriptor;

constexpr char const* lock_name = "lock";
constexpr char const* keep_name = "keep";
constexpr char const* others_name = "others";  ///< of a list: inode, time of the last change, path

std::string run_prefix() { return fmt::format("farm-{}-", detail::host_name()); }

bool is_name_of_run(std::string_view name) {
  auto const prefix = run_prefix();
  static std::regex const rest{"[0-9]+-[0-9a-f]{16}"};
  return name.starts_with(prefix) && std::regex_match(name.begin() + prefix.size(), name.end(), rest);
}

/// A real directory of this user.
bool is_ours(fs::path const& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

/// How a file is told from a later one of its name; empty where it is none of this user's.
std::string identity(std::string const& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid()) return {};
  return fmt::format("{} {}.{}", status.st_ino, status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

void clear_others(fs::path const& list) {
  std::ifstream file{list};
  for (std::string inode, time, path; file >> inode >> time && std::getline(file >> std::ws, path);) {
    if (identity(path) == fmt::format("{} {}", inode, time)) unlink(path.c_str());
  }
}

/// Removes what nobody holds the lock of. The lock goes last: what is left of an interrupted removal is seen as such.
void clear_abandoned(fs::path const& directory) {
  Descriptor const lock{open((directory / lock_name).c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!lock && errno != ENOENT) return;
  if (lock && flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return;
  std::error_code error;
  clear_others(directory / others_name);
  if (fs::exists(directory / keep_name, error)) return;
  for (fs::directory_iterator entry{directory, error}, end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().filename() != lock_name) fs::remove_all(entry->path(), ignored);
  }
  fs::remove_all(directory, error);
}

void clear_abandoned_runs(fs::path const& stage) {
  std::error_code error;
  for (fs::directory_iterator entry{stage, error}, end; !error && entry != end; entry.increment(error)) {
    auto const& path = entry->path();
    if (is_name_of_run(path.filename().native()) && is_ours(path)) clear_abandoned(path);
  }
}

/// Locked before it has the name by which others would take it for abandoned.
int make_locked(fs::path const& directory) {
  auto const nascent = directory.parent_path() / fmt::format(".{}", directory.filename().string());
  if (mkdir(nascent.c_str(), 0700) != 0) throw detail::system_error({directory.string()}, "cannot be made", errno);
  Descriptor lock{open((nascent / lock_name).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (lock && flock(lock.get(), LOCK_EX | LOCK_NB) == 0 && rename(nascent.c_str(), directory.c_str()) == 0)
    return lock.release();
  int const why = errno;
  std::error_code ignored;
  fs::remove_all(nascent, ignored);
  throw detail::system_error({directory.string()}, "cannot be made and locked", why);
}

std::mutex current_mutex;
StageRun* current_run = nullptr;
fs::path stage_directory;

}  // namespace

StageRun::StageRun(Options const& options)
    : keep_(options.keep || detail::setting_switch(detail::Setting::keep_stage, false)),
      owner_(getpid()),
      files_(std::make_shared<detail::StagedFiles>()) {
  auto const stage = options.stage_directory.empty() ? find_stage_directory().path : options.stage_directory;
  auto const parent = fs::absolute(stage).lexically_normal();
  clear_abandoned_runs(parent);
  std::random_device random;
  directory_ = parent / fmt::format("{}{}-{:08x}{:08x}", run_prefix(), owner_, random(), random());
  lock_ = make_locked(directory_);
  if (keep_) Descriptor const marker{open((directory_ / keep_name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
}

StageRun::~StageRun() {
  if (current_stage_run() == this) set_stage_run(nullptr);
  remove_files();
  close(lock_);
}

void StageRun::remove_files() const noexcept try {
  if (getpid() != owner_) return;  // a forked child has a copy, but owns nothing
  std::error_code ignored;
  if (keep_) {
    detail::log_error(fmt::format("the staged arrays are kept in {}", directory_.string()));
  } else {
    fs::remove_all(directory_, ignored);
  }
} catch (std::exception const&) {  // out of memory: the next run removes them
}

void StageRun::removes_if_killed(std::vector<std::string> const& paths) const {
  std::ofstream list{directory_ / others_name, std::ios::app};
  for (auto const& path : paths) {
    if (auto const text = identity(path); !text.empty()) list << text << ' ' << path << '\n';
  }
}

std::shared_ptr<void> StageRun::adopt(fs::path const& path) { return keep_ ? nullptr : files_->adopt(path.string()); }

void StageRun::clear(std::uint64_t group, std::vector<std::uint64_t> const& tasks) noexcept try {
  if (keep_) return;
  auto const half_written = fmt::format(".{}", detail::group_name(group));
  std::vector<std::string> prefixes;
  prefixes.reserve(tasks.size());
  for (auto const task : tasks) prefixes.push_back(detail::TaskStage::prefix(detail::group_name(group), task));
  std::error_code error;
  for (fs::directory_iterator entry{directory_, error}, end; !error && entry != end; entry.increment(error)) {
    auto const name = entry->path().filename().string();
    auto const begins_so = [&](std::string const& prefix) { return name.starts_with(prefix); };
    bool const is_theirs = begins_so(half_written) || std::any_of(prefixes.begin(), prefixes.end(), begins_so);
    if (is_theirs) files_->remove_unless_kept(entry->path().string());
  }
} catch (std::exception const&) {
  // it goes with the run
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

std::shared_ptr<void> find_keeper(ArrayInfo const& info) {
  std::lock_guard const lock{current_mutex};
  if (current_run == nullptr || fs::path{info.file}.parent_path() != current_run->directory()) return nullptr;
  return current_run->adopt(info.file);
}

}  // namespace detail
}  // namespace farm
