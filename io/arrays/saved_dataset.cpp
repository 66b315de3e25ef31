#include "io/arrays/saved_dataset.hpp"

#include <farm/stage_directory.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/base/descriptor.hpp"
#include "io/datasets/dataset.hpp"
#include "io/datasets/open_files.hpp"
#include "io/datasets/saved_values.hpp"
#include "io/files/file_bytes.hpp"
#include "io/files/paths.hpp"
#include "io/hdf5/attributes.hpp"

namespace farm::detail {
namespace {

constexpr std::uint64_t overhead = std::uint64_t{64} << 10U;  // what HDF5 needs besides all elements

void check_room(ErrorSite const& site, std::filesystem::path const& directory, std::uint64_t bytes) {
  if (auto const free = free_bytes(directory); free < bytes + overhead)
    throw stage_error(site, fmt::format("the array needs {} bytes, the file system has {} free", bytes, free));
}

std::string part_suffix() { return fmt::format(".part-{}", getpid()); }

/// Returns an upper bound of the bytes of everything but the dataset's elements.
std::uint64_t bytes_of(SaveOptions const& options) {
  std::uint64_t bytes = 0;
  for (auto const* const entries : {&options.attributes, &options.axes, &options.table}) {
    for (auto const& [name, values] : *entries) bytes += saved_bytes(values);
  }
  return bytes;
}

/// Copies the attributes of `array` to `dataset`, which lies in `file`.
void copy_attributes_of(ArrayInfo const& array, hid_t file, hid_t dataset) {
  auto const site = site_of(array);
  std::string own(static_cast<std::size_t>(std::max<ssize_t>(H5Fget_name(file, nullptr, 0), 0)) + 1, '\0');
  H5Fget_name(file, own.data(), own.size());
  std::error_code error;  // if they are the same file, HDF5 has it open already
  if (std::filesystem::equivalent(own.c_str(), site.file, error))
    return copy_attributes(open_dataset(file, site), dataset);
  auto const from = open_file(site, !array.staged);
  copy_attributes(open_dataset(from, site), dataset);
}

}  // namespace

SavedDataset::SavedDataset(std::string const& file, std::string const& dataset, ElementType type,
                           Extents const& extents, SaveOptions const& options, ArrayInfo const* attributes_from)
    : options_(&options),
      axes_and_table_(options, dataset),
      site_{path_to_create(absolute_path(file)), dataset},
      part_(site_) {
  check_save_options(options, dataset, extents);
  auto const bytes = element_count(extents) * element_size(type);
  auto const all_bytes = bytes + bytes_of(options);
  std::filesystem::path const path{site_.file};
  is_new_ = access(path.c_str(), F_OK) != 0;
  if (access(path.parent_path().c_str(), F_OK) == 0) check_room(site_, path.parent_path(), all_bytes);
  try {
    if (is_new_) {
      make_file(path.parent_path() / file_name(".", path.filename().string(), part_suffix()), all_bytes);
    } else {
      part_.dataset = dataset + part_suffix();
    }
    make_dataset(type, extents, attributes_from);
    reserve_file(data_, end_, bytes);
  } catch (...) {
    discard();
    throw;
  }
}

SavedDataset::~SavedDataset() { discard(); }

void SavedDataset::make_file(std::string const& part, std::uint64_t bytes) {
  part_.file = part;
  Descriptor const file{open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  if (!file) throw system_error(site_, "cannot be created", errno);
  if (ftruncate(file.get(), static_cast<off_t>(bytes + overhead)) != 0)
    throw system_error(site_, fmt::format("a file of {} bytes cannot be created", bytes + overhead), errno);
}

void SavedDataset::make_dataset(ElementType type, Extents const& extents, ArrayInfo const* attributes_from) {
  if (!is_new_ && access(site_.file.c_str(), R_OK | W_OK) != 0)
    throw system_error(site_, "cannot be added: the file may not be read and written", errno);
  Hdf5Lock const lock;
  auto file = open_file_to_write(part_, is_new_ ? H5F_ACC_TRUNC : H5F_ACC_RDWR, true);
  if (H5Lexists(file, site_.dataset.c_str(), H5P_DEFAULT) > 0) throw stage_error(site_, "already exists");
  axes_and_table_.check(file, site_);
  auto dataset = create_dataset(file, part_, type, extents);
  made_ = true;
  for (auto const& [name, values] : options_->attributes) write_attribute(dataset, site_, name, values);
  if (attributes_from != nullptr && !attributes_from->file.empty()) copy_attributes_of(*attributes_from, file, dataset);
  write_attributes(dataset, part_, extents, 1, {});
  axes_and_table_.write(file, site_, dataset, is_new_ ? "" : part_suffix());
  data_ = {file_of_dataset(dataset), part_.dataset};
  auto const position = H5Dget_offset(dataset);
  bool const placed = (position != HADDR_UNDEF && !data_.file.empty()) || element_count(extents) == 0;
  end_ = position == HADDR_UNDEF ? 0 : position;
  flush_dataset(dataset, site_);  // the program itself may have the file open, which then stays open
  check_hdf5(dataset.reset(), site_, "cannot be closed");
  check_hdf5(file.reset(), site_, "cannot be closed");
  if (!placed) throw stage_error(site_, "got no position in its file");
}

void SavedDataset::append(void const* elements, std::uint64_t bytes) {
  write_file(data_, end_, bytes, elements);
  end_ += bytes;
}

void SavedDataset::commit() {
  if (!data_.file.empty()) sync_path(data_);
  if (is_new_) {
    if (rename(part_.file.c_str(), site_.file.c_str()) != 0)
      throw system_error(site_, "cannot be given this name", errno);
    made_ = false;
    return sync_path({std::filesystem::path{site_.file}.parent_path().string()});
  }
  {
    Hdf5Lock const lock;
    auto file = open_file_to_write(site_, H5F_ACC_RDWR, true);
    axes_and_table_.commit(file, site_);
    check_hdf5(H5Lmove(file, part_.dataset.c_str(), H5L_SAME_LOC, site_.dataset.c_str(), H5P_DEFAULT, H5P_DEFAULT),
               site_, "cannot be given this name");
    made_ = false;
    flush_open_file(site_);
    if (!data_.file.empty()) flush_open_file(data_);
    check_hdf5(file.reset(), site_, "cannot be closed");
  }
  sync_path(site_);
  if (!data_.file.empty()) sync_path(data_);
}

void SavedDataset::discard() noexcept try {
  if (is_new_ && part_.file != site_.file) unlink(part_.file.c_str());
  if (is_new_ || !made_) return;
  Hdf5Lock const lock;
  auto const file = open_file_to_write(site_, H5F_ACC_RDWR, true);
  axes_and_table_.discard(file, part_.dataset);
  H5Ldelete(file, part_.dataset.c_str(), H5P_DEFAULT);
} catch (StageError const&) {
  // A destructor cannot report it. The leftover's name ends in .part-<pid>.
}

}  // namespace farm::detail
