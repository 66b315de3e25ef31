#pragma once

#include <cstdint>
#include <memory>

#include "core/base/descriptor.hpp"
#include "io/hdf5/error_site.hpp"

/// Bytes of a file, without HDF5.
namespace farm::detail {

struct Mapping {
  /// Written pages become the process's own; else the pages are read-only.
  bool modifiable = false;
  /// Until the mapping goes, the file has a shared lock (flock), which who would make another file of it finds.
  bool locked = false;
};

/// Unmapped when the last copy goes. Throws StageError where the file has not so many bytes.
[[nodiscard]] std::shared_ptr<void> map_file(ErrorSite const& place, std::uint64_t offset, std::uint64_t bytes,
                                             Mapping mapping);

/// An open file. All functions throw StageError.
class FileReader {
 public:
  /// The file must have these bytes.
  FileReader(ErrorSite place, std::uint64_t offset, std::uint64_t bytes);
  void read(std::uint64_t offset, std::uint64_t bytes, void* out) const;

 private:
  ErrorSite place_;
  Descriptor file_;
};
class FileWriter {
 public:
  /// An existing file, which grows where that is needed.
  explicit FileWriter(ErrorSite place);
  void write(std::uint64_t offset, std::uint64_t bytes, void const* from) const;

 private:
  ErrorSite place_;
  Descriptor file_;
};

inline void read_file(ErrorSite const& place, std::uint64_t offset, std::uint64_t bytes, void* out) {
  FileReader{place, offset, bytes}.read(offset, bytes, out);
}
inline void write_file(ErrorSite const& place, std::uint64_t offset, std::uint64_t bytes, void const* from) {
  FileWriter{place}.write(offset, bytes, from);
}

/// Takes the room on the disk, where the file system can do so: afterwards writing there does not find the disk full.
void reserve_file(ErrorSite const& place, std::uint64_t offset, std::uint64_t bytes);

/// Makes what was written durable: a file, or the names in a directory.
void sync_path(ErrorSite const& place);

}  // namespace farm::detail
