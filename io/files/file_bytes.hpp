#pragma once

#include <cstdint>
#include <memory>

#include "core/base/descriptor.hpp"
#include "io/hdf5/error_site.hpp"

/// Reading, writing and mapping the bytes of a file without HDF5. All functions throw StageError.
namespace farm::detail {

/// How map_file() maps.
struct MapOptions {
  /// True: the pages may be written, and a written page becomes the process's own. False: the pages are read-only.
  bool modifiable = false;
  /// True: the mapping holds a shared lock (flock) on the file. The lock tells others not to reuse the file.
  bool locked = false;
};

/// Maps a range of the file. The mapping is removed with the last copy of the result. Returns null if the file system
/// cannot map files in this way; then the bytes must be read. Throws if the file is too short.
[[nodiscard]] std::shared_ptr<void> map_file(ErrorSite const& site, std::uint64_t offset, std::uint64_t bytes,
                                             MapOptions options);

/// A file opened for reading.
class FileReader {
 public:
  /// Opens the file. Throws if the file does not have all bytes of this range.
  FileReader(ErrorSite site, std::uint64_t offset, std::uint64_t bytes);
  void read(std::uint64_t offset, std::uint64_t bytes, void* out) const;

 private:
  ErrorSite site_;
  Descriptor file_;
};

/// A file opened for writing.
class FileWriter {
 public:
  /// Opens an existing file.
  explicit FileWriter(ErrorSite site);
  /// Writes the bytes. The file grows if necessary.
  void write(std::uint64_t offset, std::uint64_t bytes, void const* from) const;

 private:
  ErrorSite site_;
  Descriptor file_;
};

inline void read_file(ErrorSite const& site, std::uint64_t offset, std::uint64_t bytes, void* out) {
  FileReader{site, offset, bytes}.read(offset, bytes, out);
}
inline void write_file(ErrorSite const& site, std::uint64_t offset, std::uint64_t bytes, void const* from) {
  FileWriter{site}.write(offset, bytes, from);
}

/// Reserves blocks on the disk, so that later writes to this range cannot find the disk full. Does nothing on file
/// systems that cannot reserve.
void reserve_file(ErrorSite const& site, std::uint64_t offset, std::uint64_t bytes);

/// Syncs a file, or the names in a directory, to disk.
void sync_path(ErrorSite const& site);

}  // namespace farm::detail
