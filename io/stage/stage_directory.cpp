#include <farm/stage_directory.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "core/base/settings.hpp"

namespace farm {
namespace {

struct KnownFileSystem {
  std::uint32_t magic;
  std::string_view name;
  bool local;
};

// Magic numbers from linux/magic.h, and those of file systems that are not part of Linux.
constexpr std::array known_file_systems{
    KnownFileSystem{0x01021994, "tmpfs", true},     KnownFileSystem{0xEF53, "ext4", true},
    KnownFileSystem{0x58465342, "xfs", true},       KnownFileSystem{0x9123683E, "btrfs", true},
    KnownFileSystem{0x794C7630, "overlayfs", true}, KnownFileSystem{0x858458F6, "ramfs", true},
    KnownFileSystem{0x2FC12FC1, "zfs", true},       KnownFileSystem{0xF2F52010, "f2fs", true},
    KnownFileSystem{0x6969, "nfs", false},          KnownFileSystem{0x0BD00BD0, "lustre", false},
    KnownFileSystem{0x47504653, "gpfs", false},     KnownFileSystem{0x19830326, "beegfs", false},
    KnownFileSystem{0x00C36400, "ceph", false},     KnownFileSystem{0xFF534D42, "cifs", false},
    KnownFileSystem{0xFE534D42, "smb2", false},     KnownFileSystem{0x65735546, "fuse", false},
    KnownFileSystem{0x01021997, "9p", false},       KnownFileSystem{0x6A656A63, "virtiofs", false},
    KnownFileSystem{0x5346414F, "afs", false},      KnownFileSystem{0x20030528, "pvfs2", false},
};

std::string error_text(int error) { return std::generic_category().message(error); }

}  // namespace

StageDirectory find_stage_directory(std::string const& option) {
  if (!option.empty()) return {option, "--stage"};
  using namespace detail;
  if (is_set(Setting::stage_dir)) return {setting(Setting::stage_dir), setting_name(Setting::stage_dir)};
  if (auto const directory = environment_variable("TMPDIR"); !directory.empty()) return {directory, "TMPDIR"};
  return {"/tmp", "the default"};
}

std::string why_unusable(std::filesystem::path const& directory) {
  std::error_code error;
  auto const status = std::filesystem::status(directory, error);
  if (!std::filesystem::exists(status)) {
    return status.type() == std::filesystem::file_type::not_found ? "there is no such directory" : error.message();
  }
  if (!std::filesystem::is_directory(status)) return "it is not a directory";
  auto name = (directory / "farm-probe-XXXXXX").string();
  int const file = mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) return fmt::format("no file can be created there: {}", error_text(errno));
  constexpr std::array<char, 4096> block{};
  bool const written =
      write(file, block.data(), block.size()) == static_cast<ssize_t>(block.size()) && fsync(file) == 0;
  int const why = errno;
  close(file);
  unlink(name.c_str());
  return written ? std::string{} : fmt::format("no file can be written there: {}", error_text(why));
}

std::string file_system_of(std::filesystem::path const& directory) {
  struct statfs found {};
  if (statfs(directory.c_str(), &found) != 0) return {};
  auto const magic = static_cast<std::uint32_t>(found.f_type);
  for (auto const& known : known_file_systems) {
    if (known.magic == magic) return std::string{known.name};
  }
  return fmt::format("file system {:#x}", magic);
}

bool is_local_file_system(std::string const& name) {
  for (auto const& known : known_file_systems) {
    if (known.name == name) return known.local;
  }
  return false;
}

std::uint64_t free_bytes(std::filesystem::path const& directory) {
  std::error_code error;
  auto const space = std::filesystem::space(directory, error);
  return error ? 0 : space.available;
}

}  // namespace farm
