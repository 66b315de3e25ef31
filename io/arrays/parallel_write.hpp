#pragma once

#include <farm/detail/slab_shape.hpp>

#include <vector>

#include "io/arrays/rank_agreement.hpp"
#include "io/files/checksums.hpp"
#include "io/stage/staged_file.hpp"

namespace farm::detail {

/// Writes the slabs of all ranks to the part file, which one rank has made. Collective. Returns true if HDF5 and MPI
/// wrote collectively throughout; HDF5 may silently fall back to independent writes, which are slow. If one rank fails,
/// all ranks throw StageError.
bool write_slabs(RankAgreement const& ranks, StagedFile const& file, SlabShape const& shape, void const* elements);

/// Compares rows in memory with the part file and returns their hashes. Necessary since the OMPIO of Open MPI 4.1.4
/// loses errors of collective writes: it reports success if the disk is full or a limit is reached. Throws StageError.
[[nodiscard]] std::vector<Stripe> compare_rows(StagedFile const& file, Rows const& rows);

}  // namespace farm::detail
