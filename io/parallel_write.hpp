#pragma once

#include <farm/slab.hpp>

#include "io/ranks.hpp"
#include "io/staged_file.hpp"

namespace farm::detail {

/// Collective: each rank writes its slab to the file that one has made. Tells whether HDF5 and MPI did it collectively
/// throughout: what silently became independent is slow. All ranks throw StageError where one fails.
bool write_slabs(Ranks const& ranks, StagedFile const& file, SlabShape const& shape, void const* elements);

/// Collective: looks whether all is in the file. Open MPI 4.1.4's OMPIO loses the errors of collective writes: what met
/// a full disk or a limit was reported as written.
void compare_slabs(Ranks const& ranks, StagedFile const& file, SlabShape const& shape, void const* elements);

}  // namespace farm::detail
