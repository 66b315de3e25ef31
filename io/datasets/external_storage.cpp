#include "io/datasets/external_storage.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "core/base/descriptor.hpp"

namespace farm::detail {
namespace {

struct ExternalFile {
  std::string name{};
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  ///< H5F_UNLIMITED: all the rest
};

ExternalFile external_file(hid_t creation, unsigned index) {
  ExternalFile file;
  off_t offset = 0;
  hsize_t bytes = 0;
  std::string name(PATH_MAX + 1, '\0');
  H5Pget_external(creation, index, name.size() - 1, name.data(), &offset, &bytes);
  file.name = name.substr(0, name.find('\0'));
  file.offset = static_cast<std::uint64_t>(offset);
  file.bytes = bytes;
  return file;
}

std::string directory_of_names(hid_t dataset) {
  PropertiesHandle const access{H5Dget_access_plist(dataset)};
  std::string prefix(PATH_MAX + 1, '\0');
  H5Pget_efile_prefix(access, prefix.data(), prefix.size() - 1);
  prefix.resize(prefix.find('\0'));
  return prefix.empty() ? std::filesystem::current_path().string() : std::filesystem::absolute(prefix).string();
}

void check_file(ErrorSite const& site, std::string const& path, std::uint64_t bytes) {
  Descriptor const file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0)
    throw system_error(site, fmt::format("its elements lie in the external file {}, which cannot be opened", path),
                       errno);
  if (!S_ISBLK(status.st_mode) && static_cast<std::uint64_t>(status.st_size) < bytes) {
    throw stage_error(site, fmt::format("its elements lie in the external file {}, which is truncated: {} bytes were "
                                        "expected, found {}",
                                        path, bytes, status.st_size));
  }
}

}  // namespace

std::string external_directory(hid_t dataset) {
  PropertiesHandle const creation{H5Dget_create_plist(dataset)};
  auto const count = std::max(H5Pget_external_count(creation), 0);
  bool relative = false;
  for (unsigned i = 0; static_cast<int>(i) < count; ++i) relative |= !external_file(creation, i).name.starts_with('/');
  return relative ? directory_of_names(dataset) : std::string{};
}

PropertiesHandle access_with_external_directory(std::string const& directory) {
  PropertiesHandle access{H5Pcreate(H5P_DATASET_ACCESS)};
  H5Pset_efile_prefix(access, directory.c_str());
  return access;
}

void check_external_storage(hid_t dataset, ErrorSite const& site) {
  PropertiesHandle const creation{H5Dget_create_plist(dataset)};
  auto const count = H5Pget_external_count(creation);
  if (count <= 0) return;
  std::filesystem::path const directory = directory_of_names(dataset);
  SpaceHandle const space{H5Dget_space(dataset)};
  TypeHandle const type{H5Dget_type(dataset)};
  auto rest =
      static_cast<std::uint64_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0)) * H5Tget_size(type);
  for (unsigned i = 0; static_cast<int>(i) < count && rest > 0; ++i) {
    auto const file = external_file(creation, i);
    auto const bytes = std::min(rest, file.bytes);
    check_file(site, (directory / file.name).string(), file.offset + bytes);
    rest -= bytes;
  }
}

}  // namespace farm::detail
