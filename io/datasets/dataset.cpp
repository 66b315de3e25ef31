#include "io/datasets/dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "core/base/descriptor.hpp"
#include "io/datasets/external_storage.hpp"
#include "io/datasets/open_files.hpp"
#include "io/hdf5/file_lock.hpp"
#include "io/hdf5/pieces.hpp"

namespace farm::detail {
namespace {

std::string text_of(Extents const& extents) { return fmt::format("{}", fmt::join(extents, " x ")); }

/// Returns true if HDF5 converts one type to the other without loss: only the byte order may differ.
bool is_same_number(hid_t found, hid_t expected) {
  auto const number = H5Tget_class(expected);
  return H5Tget_class(found) == number && H5Tget_size(found) == H5Tget_size(expected) &&
         (number != H5T_INTEGER || H5Tget_sign(found) == H5Tget_sign(expected)) &&
         (number != H5T_FLOAT || H5Tget_precision(found) == H5Tget_precision(expected));
}

bool is_same_type(hid_t found, hid_t expected) {
  if (H5Tget_class(expected) != H5T_COMPOUND) return is_same_number(found, expected);
  if (H5Tget_class(found) != H5T_COMPOUND || H5Tget_nmembers(found) != 2) return false;
  for (char const* const name : {"r", "i"}) {
    int const index = H5Tget_member_index(found, name);
    if (index < 0) return false;
    TypeHandle const part{H5Tget_member_type(found, static_cast<unsigned>(index))};
    TypeHandle const expected_part{H5Tget_member_type(expected, 0)};
    if (!is_same_number(part, expected_part)) return false;
  }
  return true;
}

std::string name_of(hid_t type) {
  auto const bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("{}int{}", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_FLOAT:
      return fmt::format("float{}", bits);
    case H5T_STRING:
      return "strings";
    case H5T_COMPOUND:
      return fmt::format("a compound of {} members", H5Tget_nmembers(type));
    case H5T_ENUM:
      return fmt::format("an enumeration of {} bits", bits);
    default:
      return fmt::format("another type of {} bytes", H5Tget_size(type));
  }
}

/// Returns the file offset of the elements; 0 if the file does not hold them as memory does.
std::uint64_t mappable_offset(hid_t dataset, hid_t found, hid_t native) {
  PropertiesHandle const creation{H5Dget_create_plist(dataset)};
  if (H5Pget_layout(creation) != H5D_CONTIGUOUS || H5Pget_external_count(creation) > 0) return 0;
  if (H5Tequal(found, native) <= 0) return 0;
  auto const offset = H5Dget_offset(dataset);
  auto const alignment = std::min<std::size_t>(H5Tget_size(native), alignof(std::max_align_t));
  return offset == HADDR_UNDEF || offset % alignment != 0 ? 0 : offset;
}

bool has_locks(ErrorSite const& site) {
  Descriptor const file{open(site.file.c_str(), O_RDONLY | O_CLOEXEC)};
  return !file || lock_file(file.get(), LOCK_SH) != FileLock::missing;
}

/// Calls `open_with`, again with other settings of locks if HDF5 refuses these ones. If this process has the file open
/// already, HDF5 wants the same settings, does not tell them, and takes no further lock. If the file system has no
/// locks, none are asked for. Returns the identifier of the file, or a negative value.
template <class Open>
hid_t open_with_locks(ErrorSite const& site, hid_t access, Open open_with) {
  bool const is_open = flush_open_file({site.file}, access);
  auto id = open_with();
#if H5_VERSION_GE(1, 10, 7) && !(H5_VERS_MINOR == 12 && H5_VERS_RELEASE == 0)
  for (bool const lock : {false, true}) {
    bool const may_differ = is_open || (!lock && !has_locks(site));
    if (id >= 0 || !may_differ || hdf5_error_text().find("lock") == std::string::npos) break;
    H5Pset_file_locking(access, lock, true);
    id = open_with();
  }
#endif
  return id;
}

}  // namespace

FileHandle open_file(ErrorSite const& site, bool lock) {
  Descriptor const probe{open(site.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!probe || fstat(probe.get(), &status) != 0) throw system_error({site.file}, "cannot be opened", errno);
  if (S_ISFIFO(status.st_mode)) throw system_error({site.file}, "cannot be opened", ESPIPE);  // HDF5 would block
  auto const access = file_access(lock);
  auto const id = open_with_locks(site, access, [&] { return H5Fopen(site.file.c_str(), H5F_ACC_RDONLY, access); });
  return FileHandle{check_hdf5(id, {site.file}, "cannot be opened")};
}

FileHandle open_file_to_write(ErrorSite const& site, unsigned mode, bool lock) {
  auto const* const path = site.file.c_str();
  auto const access = file_access(lock);
  H5Pset_alignment(access, 1, 4096);
  auto const id = open_with_locks(site, access, [&] {
    return mode == H5F_ACC_TRUNC ? H5Fcreate(path, mode, H5P_DEFAULT, access) : H5Fopen(path, mode, access);
  });
  return FileHandle{check_hdf5(id, {site.file}, "cannot be opened for writing")};
}

FileHandle create_file(ErrorSite const& site, Alignment alignment) {
  auto const access = file_access(false);
  H5Pset_alignment(access, alignment.smallest, alignment.multiple);
  auto const id = H5Fcreate(site.file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  return FileHandle{check_hdf5(id, {site.file}, "cannot be created")};
}

DatasetHandle open_dataset(hid_t file, ErrorSite const& site, bool write) {
  PropertiesHandle const access{H5Pcreate(H5P_DATASET_ACCESS)};
  if (!write) H5Pset_elink_acc_flags(access, H5F_ACC_RDONLY);
  return DatasetHandle{check_hdf5(H5Dopen2(file, site.dataset.c_str(), access), site, "cannot be opened")};
}

DatasetHandle open_dataset_of(hid_t file, ArrayInfo const& info) {
  auto const site = site_of(info);
  auto dataset = open_dataset(file, site);
  if (external_directory(dataset) == info.external_directory) return dataset;
  check_hdf5(dataset.reset(), site, "cannot be closed");
  auto const access = access_with_external_directory(info.external_directory);
  H5Pset_elink_acc_flags(access, H5F_ACC_RDONLY);
  dataset = DatasetHandle{check_hdf5(H5Dopen2(file, site.dataset.c_str(), access), site, "cannot be opened")};
  if (auto const found = external_directory(dataset); found != info.external_directory) {
    throw stage_error(site, fmt::format("its external files were in {} when the array was opened, but HDF5 seeks them "
                                        "in {} here; give all processes the same HDF5_EXTFILE_PREFIX",
                                        info.external_directory, found));
  }
  return dataset;
}

Extents extents_of(hid_t dataset, ErrorSite const& site) {
  SpaceHandle const space{H5Dget_space(dataset)};
  if (H5Sget_simple_extent_type(space) == H5S_NULL)
    throw stage_error(site, "has no elements and no extents (a null dataspace)");
  int const axes = H5Sget_simple_extent_ndims(space);
  if (axes < 1 || axes > static_cast<int>(max_dimensions))
    throw stage_error(site, fmt::format("1 to {} axes are supported, the dataset has {}", max_dimensions, axes));
  std::array<hsize_t, H5S_MAX_RANK> sizes{};
  H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  return {sizes.begin(), sizes.begin() + axes};
}

ArrayInfo describe(hid_t dataset, ErrorSite const& site, ElementType type) {
  TypeHandle const found{H5Dget_type(dataset)};
  auto const native = native_type(type);
  auto extents = extents_of(dataset, site);
  if (!is_same_type(found, native)) {
    throw stage_error(site, fmt::format("elements of type {} were expected, found {} (extents {})", element_name(type),
                                        name_of(found), text_of(extents)));
  }
  ArrayInfo info{.file = site.file, .dataset = site.dataset, .type = type, .extents = std::move(extents)};
  info.data_offset = mappable_offset(dataset, found, native);
  return info;
}

DatasetHandle create_dataset(hid_t file, ErrorSite const& site, ElementType type, Extents const& extents) {
  PropertiesHandle const creation{H5Pcreate(H5P_DATASET_CREATE)};
  H5Pset_layout(creation, H5D_CONTIGUOUS);
  H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
  PropertiesHandle const links{H5Pcreate(H5P_LINK_CREATE)};
  H5Pset_create_intermediate_group(links, 1);
  auto const space = make_space(extents);
  auto const native = native_type(type);
  auto const dataset = H5Dcreate2(file, site.dataset.c_str(), native, space, links, creation, H5P_DEFAULT);
  return DatasetHandle{check_hdf5(dataset, site, "cannot be created")};
}

void read_block(hid_t dataset, ErrorSite const& site, ElementType type, Extents const& offset, Extents const& count,
                void* elements) {
  auto const native = native_type(type);
  SpaceHandle const space{H5Dget_space(dataset)};
  auto* to = static_cast<char*>(elements);
  Pieces const pieces{offset, count, element_size(type), transfer_limit};
  for (std::uint64_t i = 0; i < pieces.size(); ++i) {
    auto const piece = pieces[i];
    select(space, piece.offset, piece.count);
    auto const memory = make_space(piece.count);
    check_hdf5(H5Dread(dataset, native, memory, space, H5P_DEFAULT, to), site, "cannot be read");
    to += element_count(piece.count) * element_size(type);
  }
}

}  // namespace farm::detail
