#include "io/staged_file.hpp"

#include <farm/error.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <random>

#include "io/dataset.hpp"
#include "io/default_directory.hpp"
#include "io/descriptor.hpp"
#include "io/file_bytes.hpp"
#include "io/story.hpp"

namespace farm::detail {
namespace {

/// Absolute.
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

/// Empty, with a little room: so HDF5 does not meet a full disk or a limit, which it does not take well.
void make_part(StagedFile const& file, std::uint64_t bytes) {
  constexpr std::uint64_t little = std::uint64_t{64} << 10U;
  unlink(file.part.c_str());
  Descriptor const part{open(file.part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!part) throw system_error({file.part}, "cannot be made", errno);
  auto const directory = std::filesystem::path{file.part}.parent_path();
  if (auto const free = free_bytes(directory); free < bytes + little)
    throw stage_error({file.file}, fmt::format("the array needs {} bytes, the file system has {} free", bytes, free));
  if (ftruncate(part.get(), static_cast<off_t>(bytes + little)) != 0)
    throw system_error({file.file}, fmt::format("a file of {} bytes cannot be made", bytes + little), errno);
  reserve_file(file.place(), 0, little);
}

void make_datasets(StagedFile& file, int ranks, StageOptions const& options, std::uint64_t stripes) {
  auto const place = file.place();
  Hdf5Lock const lock;
  auto opened = open_file_to_write(place, H5F_ACC_TRUNC, false);
  auto dataset = create_dataset(opened, place, file.type, file.extents);
  file.data_offset = describe(dataset, place, file.type).data_offset;
  write_story(dataset, place, file.extents, ranks, options.story);
  if (stripes > 0) {
    Place const checksums{file.part, checksums_dataset};
    auto const made = create_dataset(opened, checksums, ElementType::uint64, extents_of_checksums(stripes));
    file.checksums_offset = describe(made, checksums, ElementType::uint64).data_offset;
  }
  bool const placed = file.data_offset != 0 && (stripes == 0 || file.checksums_offset != 0);
  check_hdf5(dataset.reset(), place, "cannot be closed");
  check_hdf5(opened.reset(), place, "cannot be closed");
  if (!placed) throw stage_error(place, "has no place in its file");
}

/// As a reader will find it.
void check_part(StagedFile const& file) {
  auto const place = file.place();
  Hdf5Lock const lock;
  auto const opened = open_file(place, false);
  auto const found = describe(open_dataset(opened, place), place, file.type);
  if (found.extents != file.extents || found.data_offset != file.data_offset)
    throw stage_error(place, "is not what was written");
}

}  // namespace

StagedFile begin_staged_file(StageOptions const& options, ElementType type, Extents const& extents, int ranks,
                             std::uint64_t stripes) {
  auto const directory = directory_of(options);
  auto const stem = options.name.empty() ? unique_name() : options.name;
  StagedFile file{.file = (directory / fmt::format("{}.h5", stem)).string(),
                  .part = (directory / fmt::format(".{}.part", stem)).string(),
                  .type = type,
                  .extents = extents};
  if (access(file.file.c_str(), F_OK) == 0) throw stage_error({file.file}, "there is such a file already");
  try {
    make_part(file, element_count(extents) * element_size(type) + stripes * sizeof(Stripe));
    make_datasets(file, ranks, options, stripes);
    reserve_file(file.place(), file.checksums_offset, stripes * sizeof(Stripe));
  } catch (...) {
    abandon_staged_file(file);
    throw;
  }
  return file;
}

void complete_staged_file(StagedFile const& file, std::vector<Stripe> const& stripes) {
  write_file(file.place(), file.checksums_offset, stripes.size() * sizeof(Stripe), stripes.data());
  check_part(file);  // HDF5 also compares the file's size with what it should have
  if (rename(file.part.c_str(), file.file.c_str()) != 0) throw system_error({file.file}, "cannot be named so", errno);
}

void abandon_staged_file(StagedFile const& file) noexcept {
  if (!file.part.empty()) unlink(file.part.c_str());
}

ArrayInfo info_of(StagedFile const& file) {
  return {.file = file.file,
          .dataset = StagedFile::dataset,
          .type = file.type,
          .extents = file.extents,
          .data_offset = file.data_offset,
          .staged = true};
}

}  // namespace farm::detail
