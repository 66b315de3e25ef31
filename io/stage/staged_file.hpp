#pragma once

#include <farm/detail/array_info.hpp>
#include <farm/stage_options.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/files/checksums.hpp"
#include "io/hdf5/error_site.hpp"

/// Files of staged arrays, one array each. A file gets its final name only when it is complete; until then it is called
/// the part file.
///
/// HDF5 makes everything but the elements in a small scratch file. The reason: if HDF5 cannot close a file because the
/// disk is full, the process crashes later (1.10.8, in H5F__close_cb at exit).
namespace farm::detail {

struct StagedFile {
  std::string file{};  ///< final path: <directory>/<name>.h5
  std::string part{};  ///< path of the part file: <directory>/.<name>.part
  ElementType type = ElementType::uint8;
  Extents extents{};
  std::uint64_t data_offset = 0;
  std::uint64_t checksums_offset = 0;
  std::uint64_t stripes = 0;
  std::uint64_t image = 0;  ///< number of the FileImage from which the file was made

  [[nodiscard]] ErrorSite site() const { return {part, dataset}; }
  static constexpr char const* dataset = "/data";
};

/// Returns the absolute directory of the file. Throws UsageError if no directory is known.
[[nodiscard]] std::filesystem::path directory_of(StageOptions const& options);

/// Makes the part file: everything but the elements and the checksums, with room for `stripes` checksums. Replaces the
/// part file of an earlier attempt. If `part` is given, that existing file becomes the part file; it must hold the
/// elements at data_offset_of(). Throws StageError, and UsageError if no directory is known.
[[nodiscard]] StagedFile begin_staged_file(StageOptions const& options, ElementType type, Extents const& extents,
                                           int ranks, std::uint64_t stripes, std::string const& part = {});

/// Writes rows to the part file. Returns their hashes if the file has checksums.
[[nodiscard]] std::vector<Stripe> write_rows(StagedFile const& file, Rows const& rows);

/// Adds the checksums, verifies the file, and gives it its final name. Call when all elements have been written, in the
/// process that called begin_staged_file(). Throws StageError.
void complete_staged_file(StagedFile const& file, std::vector<Stripe> const& stripes);

/// Removes the part file.
void abandon_staged_file(StagedFile const& file) noexcept;

[[nodiscard]] ArrayInfo info_of(StagedFile const& file);

}  // namespace farm::detail
