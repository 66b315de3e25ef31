#pragma once

#include <farm/slab.hpp>

#include "io/hdf5.hpp"
#include "io/ranks.hpp"

namespace farm::detail {

struct ParallelWrite {
  std::uint64_t data_offset = 0;
  bool collective = true;  ///< whether HDF5 and MPI did it so: what silently became independent is slow
};

/// Collective: makes the file, in place of an existing one, and in it the dataset; each rank writes its slab. All ranks
/// throw StageError where one fails.
[[nodiscard]] ParallelWrite write_slabs(Ranks const& ranks, Place const& place, ElementType type,
                                        SlabShape const& shape, void const* elements);

}  // namespace farm::detail
