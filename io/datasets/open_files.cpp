#include "io/datasets/open_files.hpp"

#include <mpi.h>

#include <sys/stat.h>
#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

bool is_same_file(struct stat const& a, struct stat const& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

/// Returns the name under which the object's file was opened.
std::string name_of_file(hid_t object) {
  auto const size = H5Fget_name(object, nullptr, 0);
  if (size <= 0) return {};
  std::string name(static_cast<std::size_t>(size) + 1, '\0');
  H5Fget_name(object, name.data(), name.size());
  name.resize(static_cast<std::size_t>(size));
  return name;
}

bool is_open_to_write(hid_t file) {
  unsigned intent = 0;
  return H5Fget_intent(file, &intent) >= 0 && (intent & H5F_ACC_RDWR) != 0;
}

/// Returns true if other ranks must take part when HDF5 writes its buffers.
bool needs_other_ranks(hid_t access) {
  if (H5Pget_driver(access) != H5FD_MPIO) return false;
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Info info = MPI_INFO_NULL;
  if (H5Pget_fapl_mpio(access, &comm, &info) < 0) return true;
  int ranks = 0;
  MPI_Comm_size(comm, &ranks);
  MPI_Comm_free(&comm);
  if (info != MPI_INFO_NULL) MPI_Info_free(&info);
  return ranks != 1;
}

/// Returns true for a file in memory that is never written to disk, whatever its name.
bool is_memory_only(hid_t access) {
  std::size_t increment = 0;
  hbool_t saved = false;
  return H5Pget_driver(access) == H5FD_CORE && H5Pget_fapl_core(access, &increment, &saved) >= 0 && !saved;
}

/// Returns all files, groups and datasets that this process has open.
std::vector<hid_t> open_objects() {
  constexpr unsigned types = H5F_OBJ_FILE | H5F_OBJ_GROUP | H5F_OBJ_DATASET;
  auto const count = H5Fget_obj_count(H5F_OBJ_ALL, types);
  if (count <= 0) return {};
  std::vector<hid_t> ids(static_cast<std::size_t>(count));
  auto const found = H5Fget_obj_ids(H5F_OBJ_ALL, types, ids.size(), ids.data());
  ids.resize(found > 0 ? static_cast<std::size_t>(found) : 0);
  return ids;
}

void check_flushed(herr_t result, ErrorSite const& site) {
  check_hdf5(result, site, "is open for writing in this process, and what was written cannot be flushed to the disk");
}

/// The files to be flushed. One of several handles to the same file is enough, since they share their buffers.
class FilesToFlush {
 public:
  void add(FileHandle file, hid_t driver) {
    if (std::find(drivers_.begin(), drivers_.end(), driver) != drivers_.end()) return;
    drivers_.push_back(driver);
    files_.push_back(std::move(file));
  }
  void flush(ErrorSite const& site) const {
    for (auto const& file : files_) check_flushed(H5Fflush(file, H5F_SCOPE_LOCAL), site);
  }

 private:
  std::vector<hid_t> drivers_{};
  std::vector<FileHandle> files_{};
};

}  // namespace

bool flush_open_file(ErrorSite const& site, hid_t access) {
  struct stat sought {};
  if (stat(site.file.c_str(), &sought) != 0) return false;
  bool is_open = false;
  FilesToFlush files;
  for (auto const id : open_objects()) {
    struct stat status {};
    if (stat(name_of_file(id).c_str(), &status) != 0 || !is_same_file(status, sought)) continue;
    FileHandle file{H5Iget_file_id(id)};
    PropertiesHandle const opened{H5Fget_access_plist(file)};
    if (is_memory_only(opened)) continue;
    if (H5Pget_driver(opened) == H5FD_SEC2) {
      is_open = true;
      H5F_close_degree_t degree = H5F_CLOSE_DEFAULT;
      if (access >= 0 && H5Pget_fclose_degree(opened, &degree) >= 0) H5Pset_fclose_degree(access, degree);
    }
    if (!is_open_to_write(file)) continue;
    if (needs_other_ranks(opened))
      throw stage_error(site, "is open for writing through MPI-IO in this process; close it before farm uses it");
    // HDF5 1.14 cannot flush a dataset alone in a parallel file; the flush of the file includes it
    if (H5Iget_type(id) == H5I_DATASET && H5Pget_driver(opened) != H5FD_MPIO) check_flushed(H5Dflush(id), site);
    files.add(std::move(file), H5Pget_driver(opened));
  }
  files.flush(site);
  return is_open;
}

void flush_dataset(hid_t dataset, ErrorSite const& site) {
  FileHandle const file{H5Iget_file_id(dataset)};
  if (!is_open_to_write(file)) return;
  check_flushed(H5Dflush(dataset), site);
  check_flushed(H5Fflush(file, H5F_SCOPE_LOCAL), site);
}

std::string file_of_dataset(hid_t dataset) {
  FileHandle const file{H5Iget_file_id(dataset)};
  PropertiesHandle const access{H5Fget_access_plist(file)};
  if (H5Pget_driver(access) != H5FD_SEC2) return {};
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0 || handle == nullptr) return {};
  std::error_code error;
  auto const path = std::filesystem::absolute(name_of_file(file), error).string();
  struct stat opened {};
  struct stat named {};
  bool const same = fstat(*static_cast<int const*>(handle), &opened) == 0 && stat(path.c_str(), &named) == 0 &&
                    is_same_file(opened, named);
  return same ? path : std::string{};
}

}  // namespace farm::detail
