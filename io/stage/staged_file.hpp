#pragma once

#include <farm/detail/array_info.hpp>
#include <farm/stage_options.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/files/checksums.hpp"
#include "io/hdf5/error_site.hpp"

/// The files that hold one staged array each. They have their names only when they are complete.
///
/// HDF5 makes all that is not elements in a small file of its own: HDF5 that cannot close a file, since the disk is
/// full, ends the process later (1.10.8, in H5F__close_cb at exit).
namespace farm::detail {

struct StagedFile {
  std::string file{};  ///< <directory>/<name>.h5
  std::string part{};  ///< <directory>/.<name>.part: while it is written
  ElementType type = ElementType::uint8;
  Extents extents{};
  std::uint64_t data_offset = 0;
  std::uint64_t checksums_offset = 0;
  std::uint64_t stripes = 0;
  std::uint64_t image = 0;  ///< number of the FileImage that it was made of

  [[nodiscard]] ErrorSite place() const { return {part, dataset}; }
  static constexpr char const* dataset = "/data";
};

/// Where the file will be; absolute. Throws UsageError where that is not known.
[[nodiscard]] std::filesystem::path directory_of(StageOptions const& options);

/// Makes the part, in place of what may be left of an earlier attempt, with its story and room for so many checksums,
/// but without elements. Where `part` is given, that file becomes it, which has the elements at data_offset_of().
/// Throws StageError, and UsageError where no directory is known.
[[nodiscard]] StagedFile begin_staged_file(StageOptions const& options, ElementType type, Extents const& extents,
                                           int ranks, std::uint64_t stripes, std::string const& part = {});

/// Writes rows, and hashes them where the file has checksums.
[[nodiscard]] std::vector<Stripe> write_rows(StagedFile const& file, Rows const& rows);

/// When the elements are there: adds the checksums, looks at the file, and gives it its name. On the process that has
/// begun it. Throws StageError.
void complete_staged_file(StagedFile const& file, std::vector<Stripe> const& stripes);

/// Removes the part of a file that will not be.
void abandon_staged_file(StagedFile const& file) noexcept;

[[nodiscard]] ArrayInfo info_of(StagedFile const& file);

}  // namespace farm::detail
