#include "spawn/succession/next_master.hpp"

#include "core/base/descriptor.hpp"
#include "core/base/host_name.hpp"
#include "spawn/join/connect.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <system_error>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// For one attempt: the process can do nothing else meanwhile.
constexpr auto connect_limit = 3s;
/// From one attempt to the next while the file stays the same: its master may be gone, or not ready.
constexpr auto retry_interval = 1s;
/// So many looks in a row find no files of the group: they are gone, and not only out of reach for a moment.
constexpr int most_misses = 5;

constexpr char const* busy_name = "busy";

std::string identity(JoinInfo const& master) {
  return fmt::format("{} {} {}", master.host, master.local_name, master.port);
}

/// Returns when the file was changed last, in nanoseconds; 0 if there is none.
std::int64_t time_of(std::filesystem::path const& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return 0;
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace

std::filesystem::path master_file(std::filesystem::path const& directory) { return directory / "master"; }

std::filesystem::path group_directory(std::filesystem::path const& directory, std::uint64_t group) {
  return directory / std::to_string(group);
}

void publish_master(std::filesystem::path const& directory, JoinInfo const& master) {
  auto const unfinished = (directory / fmt::format(".master-{}-{}", host_name(), getpid())).string();
  unlink(unfinished.c_str());
  write_join_info(master, unfinished);
  auto const path = master_file(directory).string();
  if (std::rename(unfinished.c_str(), path.c_str()) == 0) return;
  int const error = errno;
  unlink(unfinished.c_str());
  throw SpawnError(fmt::format("{} cannot be written: {}", path, std::generic_category().message(error)));
}

NextMaster::NextMaster(JoinInfo const& of_group)
    : directory_(of_group.outlive_directory), group_(of_group.group), limit_(of_group.reconnect) {}

void NextMaster::begin() {
  since_ = Clock::now();
  marked_ = not_before_ = {};
  tried_.clear();
  misses_ = 0;
}

std::optional<Socket> NextMaster::look(asio::io_context& context, Hello const& hello) try {
  auto const master = read_join_info(master_file(directory_).string());
  auto const now = Clock::now();
  if (identity(master) == tried_ && now < not_before_) return std::nullopt;
  tried_ = identity(master);
  not_before_ = now + retry_interval;
  return connect_to_master(context, master, hello, connect_limit);
} catch (std::exception const&) {
  return std::nullopt;  // it is gone, or not there yet
}

/// Tells the guards of ranks that run nothing that one of the group does, and how many tasks it has begun.
void NextMaster::mark_as_busy(std::uint64_t begun) {
  auto const now = Clock::now();
  if (now - marked_ < std::clamp<Clock::duration>(limit_ / 4, look_interval, 10s)) return;
  marked_ = now;
  auto const path = group_directory(directory_, group_) / busy_name;
  Descriptor const file{open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  auto const text = std::to_string(begun);
  if (file) static_cast<void>(!write(file.get(), text.data(), text.size()));
}

/// Returns true if another rank runs a task. One that has begun more than this rank waits for it, and so for a master.
bool NextMaster::has_busy_rank(std::uint64_t begun) {
  auto const path = group_directory(directory_, group_) / busy_name;
  auto const seen = time_of(path);
  if (seen == mark_) return false;
  mark_ = seen;
  std::uint64_t of_other = 0;
  std::ifstream{path} >> of_other;
  return of_other <= begun;
}

std::string NextMaster::why_in_vain(bool busy, std::uint64_t begun) {
  auto const join_file = group_directory(directory_, group_) / "join";
  misses_ = access(join_file.c_str(), F_OK) == 0 ? 0 : misses_ + 1;
  if (misses_ >= most_misses) {
    return access(directory_.c_str(), F_OK) == 0 ? "its launcher has ended, or other ranks have"
                                                 : fmt::format("the directory {} is gone", directory_.string());
  }
  if (busy) mark_as_busy(begun);
  auto const now = Clock::now();
  if (busy || has_busy_rank(begun)) since_ = now;
  if (now - since_ < limit_) return {};
  return fmt::format("no server has come for {} s", limit_.count());
}

void NextMaster::remove_files() const noexcept {
  try {
    auto const own = group_directory(directory_, group_);
    for (auto const* const name : {"join", "record", busy_name, "out", "err"}) unlink((own / name).c_str());
    rmdir(own.c_str());
  } catch (std::exception const&) {  // out of memory: the next server removes them
  }
}

}  // namespace farm::detail
