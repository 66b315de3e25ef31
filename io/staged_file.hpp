#pragma once

#include <farm/array_info.hpp>
#include <farm/stage_options.hpp>

#include <filesystem>
#include <vector>

#include "io/checksums.hpp"

/// The files that hold one staged array each. They have their names only when they are complete.
namespace farm::detail {

struct StagedName {
  std::string file;  ///< <directory>/<name>.h5
  std::string part;  ///< <directory>/.<name>.part: while it is written
};

inline constexpr char const* staged_dataset = "/data";

/// Also makes the empty part, in place of what may be left of an earlier attempt. Throws StageError where none can be
/// made, or it would not find `bytes`, UsageError where no directory is known.
[[nodiscard]] StagedName begin_staged_file(StageOptions const& options, std::uint64_t bytes);

/// Of the written and closed part: looks at it, adds story and checksums, and gives it its name. The info is of the
/// array in the part; the result of that in the file. Throws StageError.
[[nodiscard]] ArrayInfo complete_staged_file(StagedName const& name, ArrayInfo info, int ranks,
                                             StageOptions const& options, std::vector<Stripe> const& stripes);

/// Removes the part, of a file that will not be.
void abandon_staged_file(StagedName const& name) noexcept;

}  // namespace farm::detail
