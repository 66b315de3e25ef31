#include "io/staged_file.hpp"

#include <farm/error.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <random>

#include "io/dataset.hpp"
#include "io/default_directory.hpp"
#include "io/descriptor.hpp"
#include "io/story.hpp"

namespace farm::detail {
namespace {

std::filesystem::path directory_of(StageOptions const& options) {
  auto directory = options.directory.empty() ? default_stage_directory() : options.directory;
  if (directory.empty())
    throw UsageError("where to stage an array? Give StageOptions::directory, or have a farm::StageRun");
  return std::filesystem::absolute(directory).lexically_normal();
}

std::string unique_name() {
  static std::atomic<std::uint64_t> count{0};
  return fmt::format("array-{}-{}-{:08x}", getpid(), ++count, std::random_device{}());
}

}  // namespace

StagedName begin_staged_file(StageOptions const& options, std::uint64_t bytes) {
  auto const directory = directory_of(options);
  auto const stem = options.name.empty() ? unique_name() : options.name;
  StagedName name{(directory / (stem + ".h5")).string(), (directory / fmt::format(".{}.part", stem)).string()};
  if (access(name.file.c_str(), F_OK) == 0) throw stage_error({name.file}, "there is such a file already");
  unlink(name.part.c_str());
  if (Descriptor const part{open(name.part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)}; !part)
    throw system_error({name.part}, "cannot be made", errno);
  if (auto const free = free_bytes(directory); free < bytes) {
    abandon_staged_file(name);
    throw stage_error({name.file}, fmt::format("the array has {} bytes, the file system has {} free", bytes, free));
  }
  return name;
}

ArrayInfo complete_staged_file(StagedName const& name, ArrayInfo info, int ranks, StageOptions const& options,
                               std::vector<Stripe> const& stripes) {
  Place const place{name.part, staged_dataset};
  {
    Hdf5Lock const lock;
    auto const access = file_access(false);
    FileHandle file{check_hdf5(H5Fopen(name.part.c_str(), H5F_ACC_RDWR, access), place, "cannot be opened again")};
    auto dataset = open_dataset(file, place);
    auto const found = describe(dataset, place, info.type);
    if (found.extents != info.extents || found.data_offset != info.data_offset)
      throw stage_error(place, "is not what was written");
    write_story(dataset, place, info.extents, ranks, options.story);
    if (!stripes.empty()) write_stripes(file, place, stripes);
    check_hdf5(dataset.reset(), place, "cannot be closed");
    check_hdf5(file.reset(), place, "cannot be closed");
  }
  struct stat status {};
  auto const end = info.data_offset + element_count(info.extents) * element_size(info.type);
  if (stat(name.part.c_str(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) < end)
    throw stage_error(place, fmt::format("{} bytes were written, the file has {}", end, status.st_size));
  if (rename(name.part.c_str(), name.file.c_str()) != 0) throw system_error({name.file}, "cannot be named so", errno);
  info.file = name.file;
  info.staged = true;
  return info;
}

void abandon_staged_file(StagedName const& name) noexcept {
  if (!name.part.empty()) unlink(name.part.c_str());
}

}  // namespace farm::detail
