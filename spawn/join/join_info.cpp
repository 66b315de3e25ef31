#include "spawn/join/join_info.hpp"

#include "core/base/descriptor.hpp"
#include "core/base/host_name.hpp"
#include "spawn/environment/worker_environment.hpp"

#include <farm/error.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <system_error>

namespace farm::detail {
namespace {

constexpr std::string_view join_magic = "farmbrt3";  // the version of the file's format
constexpr std::string_view join_text_mark = "hex:";  // no path begins so: paths here are absolute
constexpr off_t max_join_size = off_t{64} << 20U;    // Linux lets a command line and an environment have some MiB

/// Returns false if the directory's file system has no modes (vfat): then all files have the same one.
bool has_modes(std::filesystem::path const& directory) {
  auto const path = directory / fmt::format(".mode-{}-{}", host_name(), getpid());
  Descriptor const probe{open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!probe) return true;
  unlink(path.c_str());
  struct stat info {};
  return fstat(probe.get(), &info) != 0 || (info.st_mode & 077U) == 0;
}

/// Returns true if nobody but this user can have written the file, as far as its file system can tell.
bool is_private(int file, std::string const& path) {
  struct stat info {};
  if (fstat(file, &info) != 0 || info.st_uid != geteuid()) return false;
  return (info.st_mode & 077U) == 0 || !has_modes(std::filesystem::path{path}.parent_path());
}

JoinInfo read_join_text(std::string_view hexadecimal) {
  Bytes packed;
  for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(hexadecimal.data() + i, hexadecimal.data() + i + 2, byte, 16);
    packed.push_back(static_cast<char>(byte));
  }
  try {
    return unpack<JoinInfo>(packed);
  } catch (std::exception const&) {
    throw SpawnError(fmt::format("{} was not written by a master of this version", join_file_variable));
  }
}

std::string join_file_name(std::uint64_t group) { return fmt::format("birth-{}-{}", getpid(), group); }

}  // namespace

void write_join_info(JoinInfo const& join_info, std::string const& path) {
  Descriptor const file{open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  Bytes const packed = std::string{join_magic} + pack(join_info);
  if (file && write(file.get(), packed.data(), packed.size()) == static_cast<ssize_t>(packed.size())) return;
  int const error = errno;
  if (file) unlink(path.c_str());
  throw SpawnError(fmt::format("{} cannot be written: {}", path, std::generic_category().message(error)));
}

std::string join_info_text(JoinInfo const& join_info) {
  std::string text{join_text_mark};
  for (char const byte : pack(join_info)) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

JoinInfo read_join_info(std::string const& path) {
  if (path.starts_with(join_text_mark)) return read_join_text(std::string_view{path}.substr(join_text_mark.size()));
  Descriptor const file{open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  if (!file) {
    throw SpawnError(
        fmt::format("{} cannot read {}, which the master has written: {}; all hosts must share the stage directory: "
                    "name a directory that they share with FARM_STAGE_DIR",
                    host_name(), path, std::generic_category().message(errno)));
  }
  struct stat info {};
  bool const fits = fstat(file.get(), &info) == 0 && info.st_size <= max_join_size && is_private(file.get(), path);
  Bytes packed(fits ? static_cast<std::size_t>(info.st_size) : 0, '\0');
  ssize_t const count = read(file.get(), packed.data(), packed.size());
  std::string_view content{packed.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  try {
    if (!content.starts_with(join_magic)) throw SerializationError("the file's magic is missing");
    content.remove_prefix(join_magic.size());
    return unpack<JoinInfo>(content);
  } catch (std::exception const&) {
    throw SpawnError(fmt::format("{} was not written by a master of this version, or others may read it", path));
  }
}

std::string join_file_path(std::uint64_t group) {
  auto const* const run = current_stage_run();
  auto directory = run != nullptr ? run->directory() : find_stage_directory().path;
  std::error_code error;  // without a stage, ranks on this host still find the file
  if (!std::filesystem::is_directory(directory, error)) directory = std::filesystem::temp_directory_path(error);
  return (std::filesystem::absolute(directory) / join_file_name(group)).string();
}

std::string short_join_file_path(std::uint64_t group, std::size_t longest) {
  auto path = join_file_path(group);
  if (path.size() <= longest) return path;
  static std::mutex mutex;
  static std::string opened;
  static Descriptor directory;
  auto const parent = std::filesystem::path{path}.parent_path().string();
  std::scoped_lock const lock{mutex};
  if (opened != parent) {
    directory = Descriptor{open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!directory)
      throw SpawnError(fmt::format("{} cannot be opened: {}", parent, std::generic_category().message(errno)));
    opened = parent;
  }
  return fmt::format("/proc/{}/fd/{}/{}", getpid(), directory.get(), join_file_name(group));
}

}  // namespace farm::detail
