#include "io/stage/staged_file.hpp"

#include <farm/detail/task_stage.hpp>
#include <farm/error.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <system_error>

#include "core/base/descriptor.hpp"
#include "io/datasets/dataset.hpp"
#include "io/files/file_bytes.hpp"
#include "io/files/paths.hpp"
#include "io/stage/file_image.hpp"
#include "io/stage/spare_files.hpp"

namespace farm::detail {
namespace {

std::string unique_name() {
  static std::atomic<std::uint64_t> count{0};
  return fmt::format("{}array-{}-{}-{:08x}", TaskStage::prefix(), getpid(), ++count, std::random_device{}());
}

constexpr std::uint64_t overhead = std::uint64_t{128} << 10U;  // what HDF5 needs besides elements and checksums

void check_room(StagedFile const& file, std::uint64_t bytes) {
  auto const directory = std::filesystem::path{file.part}.parent_path();
  auto free = free_bytes(directory);
  if (free < bytes && drop_spares(directory)) free = free_bytes(directory);
  if (free < bytes)
    throw stage_error({file.file}, fmt::format("the array needs {} bytes, the file system has {} free", bytes, free));
}

/// Makes a part file with room for so many bytes of elements. The contents are undefined.
void make_part(StagedFile const& file, std::uint64_t elements) {
  auto const begin = data_offset_of(elements);
  auto const bytes = elements + file.stripes * sizeof(Stripe) + overhead;
  auto const directory = std::filesystem::path{file.part}.parent_path();
  unlink(file.part.c_str());
  if (take_spare(directory, begin + elements, file.part)) return;
  Descriptor const part{open(file.part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!part) throw system_error({file.part}, "cannot be created", errno);
  check_room(file, bytes);
  if (ftruncate(part.get(), static_cast<off_t>(begin + bytes)) != 0)
    throw system_error({file.file}, fmt::format("a file of {} bytes cannot be created", begin + bytes), errno);
}

void write_image(StagedFile& file, FileImage const& image) {
  file.image = image.number;
  FileWriter const writer{file.site()};
  for (auto const& part : image.parts) writer.write(part.offset, part.bytes.size(), part.bytes.data());
  if (truncate(file.part.c_str(), static_cast<off_t>(image.size)) != 0)
    throw system_error({file.file}, fmt::format("cannot be resized to {} bytes", image.size), errno);
  file.data_offset = image.data_offset;
  file.checksums_offset = image.checksums_offset;
}

/// Throws unless the file has the bytes that write_image() wrote. Checksums, which differ from file to file, are
/// skipped.
void compare_image(StagedFile const& file, FileImage const& image) {
  auto const site = file.site();
  struct stat status {};
  if (stat(file.part.c_str(), &status) != 0) throw system_error(site, "cannot be examined", errno);
  if (static_cast<std::uint64_t>(status.st_size) != image.size)
    throw stage_error(site, fmt::format("has {} bytes, but {} were written", status.st_size, image.size));
  FileReader const reader{site, 0, image.size};
  std::array<char, std::size_t{16} << 10U> found;  // fits in the processor's cache
  auto const checksums_end = file.checksums_offset + file.stripes * sizeof(Stripe);
  for (auto const& part : image.parts) {
    for (std::uint64_t done = 0; done < part.bytes.size();) {
      auto const begin = part.offset + done;
      auto const bytes = std::min(part.bytes.size() - done, found.size());
      auto const* const expected = part.bytes.data() + done;
      reader.read(begin, bytes, found.data());
      auto const before = std::clamp(file.checksums_offset, begin, begin + bytes) - begin;
      auto const after = std::clamp(checksums_end, begin, begin + bytes) - begin;
      if (std::memcmp(found.data(), expected, before) != 0 ||
          std::memcmp(found.data() + after, expected + after, bytes - after) != 0)
        throw stage_error(site, "is corrupt: its bytes differ from those that were written");
      done += bytes;
    }
  }
}

/// Verifies the part file. HDF5 opens only the first file of an image; the others must have the same bytes.
void check_part(StagedFile const& file) {
  auto const site = file.site();
  if (auto const image = verified_image(file.image)) return compare_image(file, *image);
  Hdf5Lock const lock;
  auto const opened = open_file(site, false);
  auto const found = describe(open_dataset(opened, site), site, file.type);
  if (found.extents != file.extents || found.data_offset != file.data_offset)
    throw stage_error(site, "is corrupt: HDF5 finds other extents, or the elements elsewhere");
  set_verified(file.image);
}

}  // namespace

std::filesystem::path directory_of(StageOptions const& options) {
  auto directory = options.directory.empty() ? default_stage_directory() : options.directory;
  if (directory.empty())
    throw UsageError("no directory to stage the array in: set StageOptions::directory or create a farm::StageRun");
  // Another path to the run's directory must not hide that the run owns the file.
  std::error_code error;
  auto const own = default_stage_directory();
  if (!own.empty() && std::filesystem::equivalent(directory, own, error)) directory = own;
  return absolute_path(directory);
}

StagedFile begin_staged_file(StageOptions const& options, ElementType type, Extents const& extents, int ranks,
                             std::uint64_t stripes, std::string const& part) {
  auto const directory = directory_of(options);
  auto const stem = options.name.empty() ? unique_name() : options.name;
  StagedFile file{.file = (directory / fmt::format("{}.h5", stem)).string(),
                  .part = (directory / file_name(".", stem, ".part")).string(),
                  .type = type,
                  .extents = extents,
                  .stripes = stripes};
  if (access(file.file.c_str(), F_OK) == 0) throw stage_error({file.file}, "a file of this name already exists");
  try {
    if (part.empty())
      make_part(file, element_count(extents) * element_size(type));
    else
      file.part = part;
    check_room(file, overhead);
    auto const scratch = directory / file_name(".", stem, ".head.part");
    write_image(file, *find_image(scratch.string(), file.site(), type, extents, ranks, options, stripes));
    reserve_file(file.site(), file.checksums_offset, stripes * sizeof(Stripe));
  } catch (...) {
    abandon_staged_file(file);
    throw;
  }
  return file;
}

std::vector<Stripe> write_rows(StagedFile const& file, Rows const& rows) {
  if (rows.count * rows.row_bytes == 0) return {};
  auto const begin = file.data_offset + rows.first * rows.row_bytes;
  FileWriter const writer{file.site()};
  if (file.stripes == 0) return writer.write(begin, rows.count * rows.row_bytes, rows.data), std::vector<Stripe>{};
  return hash_stripes(rows,
                      [&](std::uint64_t at, std::uint64_t bytes) { writer.write(begin + at, bytes, rows.data + at); });
}

void complete_staged_file(StagedFile const& file, std::vector<Stripe> const& stripes) {
  write_file(file.site(), file.checksums_offset, stripes.size() * sizeof(Stripe), stripes.data());
  check_part(file);
  if (rename(file.part.c_str(), file.file.c_str()) != 0)
    throw system_error({file.file}, "cannot be given this name", errno);
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
          .staged = true,
          .checksums_offset = file.checksums_offset,
          .stripes = file.stripes};
}

}  // namespace farm::detail
