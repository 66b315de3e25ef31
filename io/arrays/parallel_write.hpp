#pragma once

#include <farm/slab.hpp>

#include "io/arrays/ranks.hpp"
#include "io/stage/staged_file.hpp"

namespace farm::detail {

/// Collective: each rank writes its slab to the file that one has made. Tells whether HDF5 and MPI did it collectively
/// throughout: what silently became independent is slow. All ranks throw StageError where one fails.
bool write_slabs(Ranks const& ranks, StagedFile const& file, SlabShape const& shape, void const* elements);

/// Looks whether these rows are in the file; and hashes them. Open MPI 4.1.4's OMPIO loses the errors of collective
/// writes: what met a full disk or a limit was reported as written. Throws StageError.
[[nodiscard]] std::vector<Stripe> compare_rows(StagedFile const& file, Rows const& rows);

}  // namespace farm::detail
